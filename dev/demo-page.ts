import { readFileSync } from "node:fs";

const FOLDER = new URL("./demo-page/", import.meta.url);
const STYLE = /<link rel="stylesheet" href="([^"]+)" \/>/g;
const SCRIPT = /<script( type="module")? src="([^"]+)"><\/script>/g;

/** The demo's page, with its styles and scripts inside: so that showing it is one request, whatever is limited. */
export function readDemoPage(): string {
  return read("page.html")
    .replace(STYLE, (_, name: string) => `<style>\n${read(name)}</style>`)
    .replace(SCRIPT, (_, type = "", name: string) => `<script${type}>\n${read(name)}</script>`);
}

function read(name: string): string {
  return readFileSync(new URL(name, FOLDER), "utf8");
}
