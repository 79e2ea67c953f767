// What the runtime adds when a Worker throws at its start: a report that repeats the Worker's own error, and a
// complaint about classes that the Worker never came to export.
const CONSEQUENCES = ["The Workers runtime failed to start", "no such Durable Object class is exported"];

/**
 * What a user needs of the output of a `wrangler dev` that did not start: its errors, without what merely
 * follows from them, the place of the log file and the stack traces of the bundler.
 */
export function plainFailure(stderr: string): string {
  const text = stderr
    .replace(/^fatal error: all goroutines[\s\S]*/m, "")
    .replace(/^.*Logs were written to.*$/gm, "")
    .replace(/^.*If you think this is a bug.*$/gm, "");
  const blocks = text.split(/^(?=[✘▲] \[)/m);
  const telling = blocks.filter((block) => !CONSEQUENCES.some((consequence) => block.includes(consequence)));
  const told = telling.some((block) => block.startsWith("✘"));
  return (told ? telling : blocks)
    .join("")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}
