import { readFileSync, writeFileSync } from "node:fs";

const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

/** Puts Markdown in the place of what stands between the two marks. Throws when they are not there, in this order. */
export function between(text: string, markdown: string): string {
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start === -1 || end < start) throw new Error(`there is no place between ${BEGIN} and ${END}`);
  return `${text.slice(0, start + BEGIN.length)}\n\n${markdown}\n\n${text.slice(end)}`;
}

export function publish(file: string, markdown: string): void {
  writeFileSync(file, between(readFileSync(file, "utf8"), markdown));
}
