// biome-ignore-all lint/correctness/noUnusedVariables: what the page's other scripts share.

// How often what counts down is shown anew.
const TICK_MS = 250;

const $ = (id) => document.getElementById(id);

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Only a change is written, or a screen reader would hear the same text four times a second.
function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function secondsUntil(instant) {
  return Math.max(0, Math.ceil((instant - performance.now()) / 1000));
}

function durationText(seconds) {
  if (seconds < 100) return `${seconds} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? "" : ` ${rest} s`}`;
}
