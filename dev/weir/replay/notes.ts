import type { Config } from "../../../src/config/config.ts";
import { partName } from "../../../src/key/key-part.ts";
import { CONCURRENCY } from "../../../src/limit/quota.ts";
import type { Replayer } from "./replayer.ts";
import { partsRead } from "./routes.ts";

/** What a log cannot tell of this configuration, and what had to be left out. `seen` are the values that some line had. */
export function notesOn(
  config: Config,
  replayer: Replayer,
  seen: ReadonlySet<string>,
  maxKeys: number,
): string[] {
  return [
    ...unseenParts(config, seen),
    ...config.policies.flatMap(({ name, on, cost, limits }) => {
      const quotas = limits.kind === "fixed" ? limits.quotas : [...limits.rows.values(), limits.rest].flat();
      const notes: string[] = [];
      if (on === "message") notes.push(`${name} is about messages, which no access log has: left out`);
      if (quotas.some(({ quota }) => quota.algorithm === CONCURRENCY))
        notes.push(`${name} limits what is under way at the same time, which this does not replay: left out`);
      if (cost.kind.startsWith("response-"))
        notes.push(`${name} costs what responses say, which the log does not: its estimate was used`);
      return notes;
    }),
    ...(replayer.unknownAddresses > 0
      ? [`${replayer.unknownAddresses} requests have no address that can be read: they share one key`]
      : []),
    ...(replayer.dropped > 0
      ? [
          `more than ${maxKeys} keys counted at the same time, so ${replayer.dropped} had to be forgotten: there may be more refusals. Raise --max-keys`,
        ]
      : []),
  ];
}

function unseenParts({ policies }: Config, seen: ReadonlySet<string>): string[] {
  const read = policies.flatMap((policy) =>
    partsRead(policy).map((part) => ({ policy: policy.name, kind: part.kind, name: partName(part) })),
  );
  return read.flatMap(({ policy, kind, name }) => {
    if (kind === "body" || kind === "mcp")
      return [`${policy} reads ${name}, but logs have no bodies: it counts as absent`];
    const isValue = ["header", "cookie", "jwt", "country", "asn", "colo"].includes(kind);
    return isValue && !seen.has(name)
      ? [`${policy} reads ${name}, which no line has: it counts as absent (--field ${name}=PATH)`]
      : [];
  });
}
