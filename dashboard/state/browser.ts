import type { Surroundings } from "./poller.ts";

/** What the browser gives a poller. */
export const browser: Surroundings = {
  after(ms, call) {
    const timer = window.setTimeout(call, ms);
    return () => window.clearTimeout(timer);
  },
  hidden: () => document.hidden,
  onVisibility(call) {
    document.addEventListener("visibilitychange", call);
    return () => document.removeEventListener("visibilitychange", call);
  },
};
