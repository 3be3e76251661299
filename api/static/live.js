// Tells quietly that something happened and keeps the count of what waits; never touches what is read or typed.

import { stream } from "./stream.js";

const COUNTED_AFTER = 300; // milliseconds: what happens together is counted once

const recount = async (badge) => {
  const answer = await fetch("/api/v1/obligations?limit=1", { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const { total } = await answer.json();
  badge.textContent = total;
  badge.hidden = total === 0;
};

const listen = (place) => {
  const { about, codes, live, words } = place.dataset;
  const chip = place.querySelector(".chip");
  const badge = document.querySelector("[data-count]");
  let after = place.dataset.after;
  let fresh = 0;
  let counting = null;

  const heard = (event) => {
    after = event.lastEventId;
    if (badge && !counting) {
      counting = setTimeout(() => {
        counting = null;
        recount(badge).catch(() => {});
      }, COUNTED_AFTER);
    }
    const news = JSON.parse(event.data);
    if (about && news.opportunity_id !== about && news.consortium_id !== about) return;
    fresh += 1;
    chip.textContent = words.replace("#", fresh);
    chip.hidden = false;
  };
  const told = stream(
    () => `${live}?after=${encodeURIComponent(after)}`,
    (source) => {
      for (const code of codes.split(" ")) source.addEventListener(code, heard);
    },
  );
  /* A page nobody looks at keeps no connection; it goes on from the last event it heard. */
  const join = () => {
    if (!document.hidden) told.join();
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? told.leave() : join()));
  window.addEventListener("pagehide", told.leave);
  window.addEventListener("pageshow", join);
  join();
};

document.querySelectorAll("[data-live]").forEach(listen);
