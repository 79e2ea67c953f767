/** Reads `cmdstat_get:calls=3,usec=...` lines, the answer to INFO commandstats, into `{ get: 3 }`. */
export function callsPerCommand(info: string): Record<string, number> {
  const lines = info.matchAll(/^cmdstat_(.+?):calls=(\d+)/gm);
  return Object.fromEntries(Array.from(lines, ([, name = "", calls]) => [name, Number(calls)]));
}
