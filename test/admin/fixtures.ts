import { afterEach, vi } from "vitest";
import OPENAPI from "../../src/admin/openapi.json.txt?raw";
import { compose } from "../../src/compose.ts";
import { createObjects } from "../metrics/fixtures.ts";

export const START_MS = Date.parse("2026-11-22T10:00:00Z");
export const TOKEN = "a-token-that-only-operators-have-42";
export const PAGE = { html: "<!doctype html>", js: "// script", css: "/* style */" };

export interface Asked extends RequestInit {
  /** The caller's address. */
  readonly from?: string;
}

/** The whole of Weir on the local store, at `START_MS`, in front of an origin that answers 200. */
export function weirWith(env: Readonly<Record<string, unknown>> = {}) {
  vi.useFakeTimers({ now: START_MS, toFake: ["Date"] });
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  const forwarded: string[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    forwarded.push(request.url);
    return new Response("from the origin");
  });
  const objects = createObjects();
  const METRICS = {
    getByName: (name: string) => objects.shardOf(Number(name.split(":").at(-1))),
  };
  const handle = compose({ STORE: "local", ADMIN_TOKEN: TOKEN, METRICS, ...env }, () => {}, {
    version: "0.1.0",
    page: PAGE,
    openapi: OPENAPI,
    refusalPage: "",
    lua: { record: "", rules: "", view: "", take: "", settle: "", administer: "" },
  });
  const send = (path: string, { from = "192.0.2.1", headers, ...init }: Asked = {}) => {
    const own = new Headers(headers);
    own.set("CF-Connecting-IP", from);
    return handle(new Request(`https://site.example${path}`, { ...init, headers: own }));
  };
  /** As an operator, from an address of its own. */
  const operate = (method: string, path: string, body?: unknown) =>
    send(`/_weir/${path}`, {
      method,
      from: "192.0.2.200",
      headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return { send, operate, lines, forwarded };
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

export const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
