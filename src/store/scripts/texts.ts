import administer from "./administer.lua.txt";
import type { LuaTexts } from "./lua.ts";
import record from "./record.lua.txt";
import rules from "./rules.lua.txt";
import settle from "./settle.lua.txt";
import take from "./take.lua.txt";
import view from "./view.lua.txt";

/** As the Worker has them: modules of text beside its script. */
export const LUA: LuaTexts = { record, rules, view, take, settle, administer };
