import { type JsonBody, type Unreadable, unreadable } from "./json-body.ts";
import { hasLookalike, valueAt } from "./json-pointer.ts";

/** A request's body as a message of MCP's Streamable HTTP transport. Blank values are undefined. */
export type McpMessage =
  | { readonly kind: "absent" }
  | {
      readonly kind: "message";
      /** Trimmed, in its own letter case. */
      readonly method: string | undefined;
      /** What `tools/call` calls, trimmed and in lower case. */
      readonly tool: string | undefined;
      /** What `prompts/get` gets, trimmed and in lower case. */
      readonly prompt: string | undefined;
    }
  | Unreadable;

/**
 * Reads a message. Members named like those read here but for letter case make it unreadable: some
 * origins would take them for the real ones.
 */
export function readMcpMessage(body: JsonBody): McpMessage {
  if (body.kind !== "json") return body;
  const { value } = body;
  if (Array.isArray(value)) return unreadable(Math.max(1, value.length));
  if (hasLookalike(value, "method") || hasLookalike(value, "params")) return unreadable();
  const method = valueAt(value, ["method"]);
  if (!isText(method)) return unreadable();
  const called = method?.trim().toLowerCase();
  if (called !== "tools/call" && called !== "prompts/get") return message(trimmed(method));
  const params = valueAt(value, ["params"]);
  if (Array.isArray(params) || hasLookalike(params, "name")) return unreadable();
  const named = valueAt(params, ["name"]);
  if (!isText(named)) return unreadable();
  const name = trimmed(named)?.toLowerCase();
  return called === "tools/call" ? message(trimmed(method), name) : message(trimmed(method), undefined, name);
}

/**
 * The id to answer a JSON-RPC call with. Undefined for everything that is no single call with an id:
 * batches, notifications, responses, other JSON. So is a number that may have been rounded in parsing.
 */
export function jsonRpcId(body: JsonBody): string | number | undefined {
  if (body.kind !== "json" || valueAt(body.value, ["jsonrpc"]) !== "2.0") return undefined;
  if (typeof valueAt(body.value, ["method"]) !== "string") return undefined;
  const id = valueAt(body.value, ["id"]);
  if (typeof id === "string") return id;
  if (typeof id !== "number" || !Number.isFinite(id)) return undefined;
  return Number.isInteger(id) && !Number.isSafeInteger(id) ? undefined : id;
}

function message(method: string | undefined, tool?: string, prompt?: string): McpMessage {
  return { kind: "message", method, tool, prompt };
}

/** Some origins make text of anything: `["search"]` calls the tool `search`. */
const isText = (value: unknown): value is string | null | undefined =>
  value === undefined || value === null || typeof value === "string";

const trimmed = (text: string | null | undefined): string | undefined => text?.trim() || undefined;
