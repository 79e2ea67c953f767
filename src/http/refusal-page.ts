import type { ProblemBody } from "./problem.ts";

/** A refusal for people: says what happened and when to come back, also without script. */
export type RefusalPage = (problem: ProblemBody) => Response;

/** Of the page, only where it is known when to come back. */
const COUNTDOWN = /<!-- countdown -->.*<!-- \/countdown -->/s;

/** @param template `refusal-page.html`, in which `{{name}}` stands for a value */
export function createRefusalPage(template: string): RefusalPage {
  return (problem) => {
    const nonce = crypto.randomUUID();
    const seconds = problem.retry_after_seconds;
    const values: Readonly<Record<string, unknown>> = {
      nonce,
      seconds,
      heading: problem.status === 429 ? "Too many requests" : problem.title,
      detail: problem.detail,
    };
    const shown = seconds === undefined ? template.replace(COUNTDOWN, "") : template;
    const page = shown.replace(/\{\{(\w+)\}\}/g, (_, name: string) => escaped(String(values[name])));
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
  };
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
