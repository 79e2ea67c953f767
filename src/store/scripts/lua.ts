import { MAX_HOLD_MS } from "../../limit/generation.ts";
import { MAX_CAPACITY_MS } from "../../limit/quota.ts";
import { MAX_HOLD_SHARE } from "../../limit/sliding-window.ts";

/**
 * The files `<name>.lua.txt` beside this one: the twin of the core in Lua, for the one store that cannot run our functions.
 * Random histories hold it to the core.
 */
export type LuaTexts = Readonly<
  Record<"record" | "rules" | "view" | "take" | "settle" | "administer", string>
>;

/** What Redis runs, each for one kind of call. */
export type LuaScripts = Readonly<Record<"take" | "settle" | "administer", string>>;

/** Where the time comes from: the server, or in tests the last argument. */
export type LuaClock = "server" | "argument";

/** An argument's time stands still while the server's goes on, so keys get spare time to live. */
const CLOCKS: { readonly [C in LuaClock]: string } = {
  server: `local t = redis.call('TIME')
local clock = t[1] * 1000 + math.floor(t[2] / 1000)
local SPARE_MS = 0`,
  argument: `local clock = tonumber(ARGV[#ARGV])
local SPARE_MS = 3600000`,
};

/** What the twins must have the same. */
const CONSTANTS = `local MAX_HOLD = ${MAX_HOLD_MS}
local MAX_HOLD_SHARE = ${MAX_HOLD_SHARE}
local MAX_CAPACITY = ${MAX_CAPACITY_MS}`;

/** The scripts. Upstash locks the whole database for a script that does not say that it declares all its keys. */
export function luaScripts(texts: LuaTexts, keyLocking: boolean, clock: LuaClock = "server"): LuaScripts {
  const flags = keyLocking ? ["#!lua flags=allow-key-locking"] : [];
  const script = (own: string) =>
    [...flags, CLOCKS[clock], CONSTANTS, texts.record, texts.rules, texts.view, own].join("\n");
  return { take: script(texts.take), settle: script(texts.settle), administer: script(texts.administer) };
}
