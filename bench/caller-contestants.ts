import { createHmac } from "node:crypto";
import type { WorkerOptions } from "../test/support/workerd.ts";
import { type Contestant, forwardOnly, NEVER_REACHED } from "./contestants.ts";
import { answer } from "./load.ts";

const SECRET = "a secret of the login server";
const CALL = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: {
    name: "search",
    arguments: { query: "a question of ordinary length about something", limit: 10 },
  },
});

/** What it costs to know the caller: counts are kept in the isolate, so that nothing else differs between the rows. */
export function callerContestants(origin: string): readonly Contestant[] {
  const weir = (key: string): WorkerOptions => ({
    vars: {
      ORIGIN: origin,
      STORE: "local",
      JWT_SECRET: SECRET,
      POLICIES: [{ name: "caller", key, limit: NEVER_REACHED }],
    },
  });
  const body = () => ({ body: CALL });
  let tokens = 0;
  const remembered = Array.from({ length: 1_000 }, (_, caller) => bearer({ sub: `user-${caller}` }));
  return [
    forwardOnly(origin),
    { id: "b", label: "Weir, by header", answer: answer(200, 1), worker: weir("header:x-user-id") },
    {
      id: "c",
      label: "Weir, by token, verified before",
      answer: answer(200, 1),
      worker: weir("user"),
      extra: (caller) => remembered[caller] ?? {},
    },
    {
      id: "d",
      label: "Weir, by token, each for the first time",
      answer: answer(200, 1),
      worker: weir("user"),
      extra: (caller) => bearer({ sub: `user-${caller}`, jti: String(tokens++) }),
    },
    { ...forwardOnly(origin), id: "e", label: "forwards only, MCP calls", extra: body },
    {
      id: "f",
      label: "Weir, MCP calls by header",
      answer: answer(200, 1),
      worker: weir("header:x-user-id"),
      extra: body,
    },
    {
      id: "g",
      label: "Weir, MCP calls by header and tool",
      answer: answer(200, 1),
      worker: weir("header:x-user-id + mcp:tool"),
      extra: body,
    },
  ];
}

/** A token of HS256, good for an hour. Signed here: the load is not what is measured. */
function bearer(claims: object) {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const signed = `${encoded({ alg: "HS256" })}.${encoded({ exp, ...claims })}`;
  const signature = createHmac("sha256", SECRET).update(signed).digest("base64url");
  return { headers: { Authorization: `Bearer ${signed}.${signature}` } };
}
