import type { Config } from "./config.ts";

/** What is never part of it, so that it may be shown to anyone. */
const SECRETS = new Set(["keySecret", "secret", "token", "adminToken"]);

/** Names a configuration: the same for equal ones, whatever their secrets. 8 hexadecimal digits. */
export function fingerprintOf(config: Config): string {
  const text = JSON.stringify(config, (name, value: unknown) => {
    if (SECRETS.has(name)) return undefined;
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });
  // FNV-1a: it tells versions apart, it protects nothing.
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
