import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { BUILT, buildDashboard } from "../../dev/build-dashboard.ts";

const SOURCE = resolve(import.meta.dirname, "../../dashboard");
const MAX_GZIP_BYTES = 60_000;

const built = Object.entries(await buildDashboard());
const sources = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(tsx?|css|html)$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(SOURCE, name), "utf8") }));

describe("the dashboard's built texts", () => {
  it.each(built)("%s is what the sources build; else run `npm run build:dashboard`", (name, text) => {
    expect(text).not.toBe("");
    const isCurrent = readFileSync(join(BUILT, name), "utf8") === text;
    expect(isCurrent, `${name} is stale: run \`npm run build:dashboard\``).toBe(true);
  });

  it("are the same when built again", async () => {
    expect(Object.entries(await buildDashboard())).toEqual(built);
  });

  it("take less than 60 KB together, compressed", () => {
    const bytes = built.reduce((sum, [, text]) => sum + gzipSync(text).length, 0);
    expect(bytes).toBeLessThan(MAX_GZIP_BYTES);
  });
});

describe("the dashboard's sources", () => {
  it("insert texts as text, never as markup", () => {
    const found = sources.filter(({ text }) =>
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/i.test(text),
    );
    expect(found.map(({ name }) => name)).toEqual([]);
  });

  it("name no other host", () => {
    const found = sources.flatMap(({ text }) => text.match(/(?:https?:)?\/\/[a-z0-9-]+\.[a-z]{2,}/gi) ?? []);
    expect(found.filter((url) => !url.includes("www.w3.org"))).toEqual([]);
  });

  it("have no script or style inside the page, which its policy forbids", () => {
    const page = sources.find(({ name }) => name === "dashboard.html")?.text ?? "";
    expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)/);
  });
});

it("the dashboard's picture has less than 150 KB; `npm run screenshot` makes it anew", () => {
  const { size } = statSync(resolve(SOURCE, "../docs/images/dashboard.png"));
  expect(size).toBeLessThan(150_000);
});
