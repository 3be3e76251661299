// What pages gain with scripts; without them every form and link still works.

import { stream } from "./stream.js";

const sentOnce = (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
};

const comeBack = (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
};

/* Follow a job to its end, then show the page anew: the server decides what it looks like. */
const follow = (place) => {
  const stage = place.querySelector(".stage");
  const bar = place.querySelector("progress");
  if (!stage || !bar) return;
  const show = (event) => {
    const { progress, state } = JSON.parse(event.data);
    if (state === "queued" || !progress.stage) return;
    const words = [place.dataset[progress.stage] || place.dataset.base];
    if (progress.plan) words.push(`${place.dataset.plan} ${progress.plan}`);
    if (progress.seconds) words.push(`${progress.seconds} ${place.dataset.seconds}`);
    if (progress.gap !== null && progress.gap !== undefined) {
      words.push(`${place.dataset.gap} ${(100 * progress.gap).toFixed(1)}%`);
      bar.max = 1;
      bar.value = Math.max(0.05, 1 - Math.min(1, progress.gap));
    }
    stage.textContent = words.join(" · ");
  };
  const ended = () => {
    job.leave();
    const section = place.closest("section[id]");
    const search = new URLSearchParams(window.location.search);
    search.set("done", "1");
    window.location.replace(`${window.location.pathname}?${search}#${section ? section.id : ""}`);
  };
  const job = stream(
    () => place.dataset.job,
    (source) => {
      source.addEventListener("progress", show);
      source.addEventListener("done", ended);
    },
  );
  job.join();
};

/* A sheet that opens takes the focus; Escape closes it. */
const sheets = () => {
  const opened = document.querySelector(".sheet:target");
  if (opened) opened.focus({ preventScroll: true });
};

document.addEventListener("submit", sentOnce);
window.addEventListener("pageshow", comeBack);
window.addEventListener("hashchange", sheets);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && document.querySelector(".sheet:target")) window.location.hash = "glance";
});
document.querySelectorAll("[data-job]").forEach(follow);
sheets();
