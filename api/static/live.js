// Tells quietly that something happened and keeps the count of what waits; never touches what is read or typed.

const COUNTED_AFTER = 300; // milliseconds: what happens together is counted once
const AGAIN_AFTER = 3000; // milliseconds, doubled at each refusal up to the longest pause
const LONGEST_PAUSE = 60000;

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
  let stream = null;
  let again = null;
  let pause = AGAIN_AFTER;

  const heard = (event) => {
    after = event.lastEventId;
    if (badge && !counting) {
      counting = setTimeout(() => {
        counting = null;
        recount(badge).catch(() => {});
      }, COUNTED_AFTER);
    }
    const told = JSON.parse(event.data);
    if (about && told.opportunity_id !== about && told.consortium_id !== about) return;
    fresh += 1;
    chip.textContent = words.replace("#", fresh);
    chip.hidden = false;
  };
  const leave = () => {
    clearTimeout(again);
    if (stream) stream.close();
    stream = null;
  };
  /* A browser comes back to a lost connection by itself, but never to a refused one: a proxy answers so in a restart. */
  const refused = () => {
    if (!stream || stream.readyState !== EventSource.CLOSED) return;
    leave();
    again = setTimeout(join, pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  };
  /* A page nobody looks at keeps no connection; it goes on from the last event it heard. */
  const join = () => {
    if (stream || document.hidden) return;
    stream = new EventSource(`${live}?after=${encodeURIComponent(after)}`);
    stream.addEventListener("open", () => { pause = AGAIN_AFTER; });
    stream.addEventListener("error", refused);
    for (const code of codes.split(" ")) stream.addEventListener(code, heard);
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : join()));
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", join);
  join();
};

document.querySelectorAll("[data-live]").forEach(listen);
