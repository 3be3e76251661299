// A stream of events that comes back. A browser returns to a lost connection by itself, but never to a refused one, and
// a proxy refuses while the server behind it begins anew.

const AGAIN_AFTER = 3000; // milliseconds, doubled at each refusal up to the longest pause
const LONGEST_PAUSE = 60000;

/* `address` is asked at each joining, so that a stream goes on where it was left; `attach` adds what listens. */
export const stream = (address, attach) => {
  let source = null;
  let again = null;
  let pause = AGAIN_AFTER;

  const leave = () => {
    clearTimeout(again);
    if (source) source.close();
    source = null;
  };
  const refused = () => {
    if (!source || source.readyState !== EventSource.CLOSED) return;
    leave();
    again = setTimeout(join, pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  };
  const join = () => {
    if (source) return;
    clearTimeout(again);
    source = new EventSource(address());
    source.addEventListener("open", () => { pause = AGAIN_AFTER; });
    source.addEventListener("error", refused);
    attach(source);
  };
  return { join, leave };
};
