import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { LuaTexts } from "../../src/store/scripts/lua.ts";

const FOLDER = resolve(import.meta.dirname, "../../src/store/scripts");
const read = (name: keyof LuaTexts): string => readFileSync(resolve(FOLDER, `${name}.lua.txt`), "utf8");

/** What the scripts of the Upstash store are made of, from the files that the Worker has beside its script. */
export const LUA: LuaTexts = {
  record: read("record"),
  rules: read("rules"),
  view: read("view"),
  take: read("take"),
  settle: read("settle"),
  administer: read("administer"),
};
