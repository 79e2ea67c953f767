import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { createRoutes } from "../../src/admin/create-routes.ts";
import text from "../../src/admin/openapi.json.txt?raw";
import { PAGE, weirWith } from "./fixtures.ts";

interface Operation {
  readonly security?: readonly unknown[];
  readonly responses: Readonly<Record<string, unknown>>;
}

const openapi = JSON.parse(text) as { paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

/** `GET /health`, with who may. */
const documented = Object.entries(openapi.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, { security }]) => [
    `${method.toUpperCase()} /_weir${path}`,
    security ? "anyone" : "operator",
  ]),
);

async function lint(source: string): Promise<string[]> {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source, absoluteRef: "openapi.json", config });
  return problems.map(({ severity, ruleId, message }) => `${severity} ${ruleId}: ${message}`);
}

describe("the OpenAPI description", () => {
  it("is accepted by a linter, without a warning", async () => {
    expect(await lint(text)).toEqual([]);
  });

  it("is looked at by the linter: it finds what is missing", async () => {
    expect(await lint(text.replace('"summary": "How the caller stands"', '"x-nothing": ""'))).not.toEqual([]);
  });

  it("has every route and method with who may, and no other", () => {
    const routes = createRoutes({ config: { policies: [], store: "local" }, keys: {}, page: PAGE } as never);
    const own = [...routes].flatMap(([path, { access, methods }]) =>
      Object.keys(methods).map((method) => [
        `${method} ${path}`,
        access === "operator" ? "operator" : "anyone",
      ]),
    );
    // The folder without its slash only leads to the page.
    const described = own.filter(([route]) => route !== "GET /_weir");
    expect(described.toSorted()).toEqual(documented.toSorted());
  });
});

const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: true }));
ajv.addSchema(openapi, "openapi");

const pointer = (...steps: readonly string[]): string =>
  `openapi#/${steps.map((step) => encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/")}`;

/** What is wrong with an answer by the description of its route; nothing when it is as described. */
async function mistakes(answer: Response, method: string, path: string): Promise<unknown> {
  const operation = openapi.paths[path]?.[method.toLowerCase()];
  const described = operation?.responses[answer.status] as { $ref?: string; content?: object } | undefined;
  if (!described) return `${answer.status} is not described`;
  const steps = described.$ref?.split("/").slice(1) ?? [
    ...["paths", path, method.toLowerCase(), "responses"],
    String(answer.status),
  ];
  const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
  const validate = ajv.getSchema(pointer(...steps, "content", type, "schema"));
  if (!validate) return `${type} is not described`;
  const isText = type.startsWith("text/");
  return validate(isText ? await answer.text() : await answer.json()) ? undefined : validate.errors;
}

const POLICIES = [
  { name: "user", match: "POST /chat", key: "header:x-user | ip", limit: "2/minute, 10/hour" },
  { name: "bucket", limit: "5/minute", algorithm: "token-bucket", burst: 9, on_store_error: "open" },
  { name: "lock", match: ["/a", "GET b.example/b"], limit: "3/minute", lockout: "15m after 2 in 1m" },
  { name: "leased", limit: "300/minute", lease: true, mode: "shadow" },
  {
    name: "plan",
    key: "header:x-user + header:x-org | none",
    limit: { by: "header:x-plan", free: "1/minute", team: "unlimited", "*": "3 concurrent" },
  },
  { name: "off", limit: "1/minute", mode: "off" },
];
const target = { policy: "user", key: { "header:x-user": "alice" } };

const ASKED: [status: number, method: string, path: string, body?: unknown][] = [
  [200, "GET", "/health"],
  [200, "GET", "/metrics"],
  [200, "GET", "/snapshot"],
  [200, "GET", "/policies"],
  [200, "GET", "/openapi.json"],
  [200, "GET", "/"],
  [200, "GET", "/dashboard.js"],
  [200, "GET", "/dashboard.css"],
  [200, "GET", "/limits"],
  [200, "POST", "/peek", target],
  [200, "POST", "/lookup", { key: { "header:x-user": "alice", "header:x-org": "o", ip: "192.0.2.1" } }],
  [200, "PUT", "/overrides", { ...target, limit: 0 }],
  [200, "PUT", "/overrides", { ...target, limit: "9/hour", until: "2026-11-23T12:00:00+02:00" }],
  [200, "DELETE", "/overrides", target],
  [200, "POST", "/reset", target],
  [400, "POST", "/peek", {}],
  [400, "POST", "/lookup", { key: 1 }],
  [400, "PUT", "/overrides", { ...target, limit: "x", until: "x" }],
  [400, "POST", "/reset", { ...target, x: 1 }],
  [404, "DELETE", "/overrides", { ...target, policy: "x" }],
  [413, "POST", "/peek", { key: "x".repeat(20_000) }],
];

describe("an answer is as described", () => {
  it.each(ASKED)("%i of %s %s", async (status, method, path, body) => {
    const { operate, send } = weirWith({ POLICIES });
    for (let i = 0; i < 6; i++) await send(i % 2 ? "/a" : "/chat", { method: "POST" });
    const answer = await operate(method, path.slice(1), body);
    expect(answer.status).toBe(status);
    expect(await mistakes(answer, method, path)).toBeUndefined();
  });

  it("when the caller is asked about, or asks too much", async () => {
    const { send } = weirWith({ POLICIES });
    const wrong = await send("/_weir/limits?path=x");
    expect([wrong.status, await mistakes(wrong, "GET", "/limits")]).toEqual([400, undefined]);
    for (let i = 0; i < 60; i++) await send("/_weir/limits");
    const refused = await send("/_weir/limits");
    expect([refused.status, await mistakes(refused, "GET", "/limits")]).toEqual([429, undefined]);
  });

  it("when the token is missing, wrong, or tried too often", async () => {
    const { send } = weirWith();
    const missing = await send("/_weir/policies");
    expect([missing.status, await mistakes(missing, "GET", "/policies")]).toEqual([401, undefined]);
    for (const status of [401, 401, 401, 401, 401, 429]) {
      const answer = await send("/_weir/policies", { headers: { Authorization: "Bearer wrong" } });
      expect([answer.status, await mistakes(answer, "GET", "/policies")]).toEqual([status, undefined]);
    }
  });

  it("when there is no token, or no binding", async () => {
    const none = await weirWith({ ADMIN_TOKEN: undefined }).send("/_weir/");
    expect([none.status, await mistakes(none, "GET", "/")]).toEqual([404, undefined]);
    const unbound = await weirWith({ METRICS: undefined }).operate("GET", "metrics");
    expect([unbound.status, await mistakes(unbound, "GET", "/metrics")]).toEqual([404, undefined]);
  });

  it("when the network is denied", async () => {
    const denied = await weirWith({ DENY: ["192.0.2.0/24"] }).send("/_weir/health");
    expect([denied.status, await mistakes(denied, "GET", "/health")]).toEqual([403, undefined]);
  });

  it("found wrong when it is not", async () => {
    expect(await mistakes(Response.json({ status: "fine" }), "GET", "/health")).toBeDefined();
    expect(await mistakes(Response.json({}, { status: 418 }), "GET", "/health")).toBeDefined();
  });
});
