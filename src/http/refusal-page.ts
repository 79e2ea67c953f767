import type { ProblemBody } from "./problem.ts";

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { display: grid; place-content: center; min-height: 100vh; margin: 0; padding: 1.5rem; box-sizing: border-box; text-align: center; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; max-width: 32rem; }
#left { font-size: 3rem; font-variant-numeric: tabular-nums; }
a { display: inline-block; padding: .5rem 1.25rem; border: 1px solid; border-radius: .5rem; color: inherit; text-decoration: none; }
[hidden] { display: none; }
`;

/** Counts down and tries again by itself once: not after a reload, so that a page cannot hammer the site. */
const SCRIPT = `
const left = document.getElementById("left");
const again = document.getElementById("again");
const endMs = Date.now() + Number(left.dataset.seconds) * 1000;
const isReload = performance.getEntriesByType("navigation")[0]?.type === "reload";
const timer = setInterval(() => {
  const seconds = Math.max(0, Math.ceil((endMs - Date.now()) / 1000));
  left.textContent = seconds > 0 ? seconds + " s" : "You can try again now.";
  if (seconds > 0) return;
  clearInterval(timer);
  again.hidden = false;
  if (!isReload) location.reload();
}, 250);
again.hidden = true;
again.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
`;

/** A refusal for people: says what happened and when to come back, also without script. */
export function refusalPage(problem: ProblemBody): Response {
  const nonce = crypto.randomUUID();
  const seconds = problem.retry_after_seconds;
  const heading = problem.status === 429 ? "Too many requests" : escaped(problem.title);
  const countdown = `<p id="left" role="timer" data-seconds="${seconds}">${seconds} s</p>
<p><a id="again" href="">Try again</a></p>
<script nonce="${nonce}">${SCRIPT}</script>`;
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>${heading}</title>
<style nonce="${nonce}">${STYLE}</style>
<main>
<h1>${heading}</h1>
<p>${escaped(problem.detail)}</p>
${seconds === undefined ? "" : countdown}
</main>
</html>`;
  return new Response(page, {
    status: problem.status,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-store",
      "Content-Security-Policy": `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
    },
  });
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
