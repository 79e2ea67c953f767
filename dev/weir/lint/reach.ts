import { partName } from "../../../src/key/key-part.ts";
import { type Advice, about, active, type PlacedPolicy, type Rule } from "./advice.ts";
import { coverAll } from "./coverage.ts";
import { isAlwaysPresent } from "./key-text.ts";

/** Policies that no request ever reaches. */
export const unreachable: Rule = (linted) => [
  ...linted.policies.flatMap((placed) => reasonOff(placed, linted.env)),
  ...active(linted).flatMap((placed) => {
    const say = about(placed, "unreachable", "match");
    const { match, on, key, limits } = placed.policy;
    const { exempt } = linted.config;
    if (exempt.length > 0 && coverAll(exempt, match))
      return say(
        "all that it matches is exempt",
        "EXEMPT comes before policies, so this one decides at most about other spellings of those paths",
        "remove the policy, or make EXEMPT narrower",
      );
    if (match.every(({ path }) => /^\/_weir(\/|$)/i.test(path)))
      return say(
        "it matches Weir's own paths alone",
        "what is below /_weir/ is answered by Weir itself and never reaches a policy",
        "match the paths of your own site",
      );
    if (on !== "request" && match.every(({ methods }) => methods && !methods.includes("GET")))
      return say(
        `it is about WebSockets, but its match leaves out GET`,
        "a WebSocket is opened by a GET request, so the policy never applies",
        "leave the method out of match",
      );
    const bodyless = match.every(({ methods }) => methods?.every((one) => one === "GET" || one === "HEAD"));
    const parts = [...key.flatMap((group) => group.parts), ...(limits.kind === "table" ? [limits.by] : [])];
    const body = parts.find(({ kind }) => kind === "body" || kind === "mcp");
    if (bodyless && body)
      return say(
        `it reads ${partName(body)}, but matches only GET`,
        "such requests have no body, so that part is never present",
        "match the method that carries the body, POST for MCP and most APIs",
      );
    return [];
  }),
];

function reasonOff(placed: PlacedPolicy, env: Readonly<Record<string, unknown>>): Advice[] {
  // The variable has its own advice.
  if (placed.policy.mode !== "off" || env.MODE === "off") return [];
  return [
    about(placed, "unreachable", "mode")(
      `it is off`,
      "it neither counts nor refuses, as if it were not there",
      `remove it, or set mode = "shadow" to watch it first`,
    ),
  ];
}

/** Alternatives of a key behind one that is always there. */
export const unreachablePart: Rule = (linted) =>
  active(linted).flatMap((placed) =>
    placed.policy.key.flatMap(({ parts, orNone }) => {
      const first = parts.findIndex(isAlwaysPresent);
      const behind = [...parts.slice(first + 1).map(partName), ...(orNone ? ["none"] : [])];
      const present = parts[first];
      if (!present || behind.length === 0) return [];
      return about(placed, "unreachable-part", "key")(
        `${behind.map((name) => `"${name}"`).join(" and ")} can never be reached behind "${partName(present)}"`,
        `the first part that is present counts, and every request has "${partName(present)}"`,
        `put "${partName(present)}" last, or write "+" where both together are meant`,
      );
    }),
  );

/** Lists that take in everybody. */
export const wholeInternet: Rule = ({ config }) =>
  (["allow", "deny"] as const).flatMap((name) => {
    const index = config[name].findIndex(({ bits }) => bits === 0);
    if (index < 0) return [];
    const what = `${name.toUpperCase()} takes in every address of a family`;
    return name === "allow"
      ? {
          rule: "unreachable",
          path: "ALLOW",
          what,
          why: "who is allowed is never limited, so no policy decides about them",
          fix: "list only networks of your own",
        }
      : {
          rule: "unreachable",
          path: "DENY",
          what,
          why: "who is denied always gets 403, so the site is closed to them",
          fix: "list only the networks to keep out",
        };
  });
