import type { JsonBody } from "./json-body.ts";
import { valueAt } from "./json-pointer.ts";

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
  | {
      readonly kind: "unreadable";
      /** The length of a batch, at least 1; 1 for every other unreadable body. */
      readonly messages: number;
    };

/**
 * Reads a message. Members named like those read here but for letter case make it unreadable: some
 * origins would take them for the real ones.
 */
export function readMcpMessage(body: JsonBody): McpMessage {
  if (body.kind !== "json") return body.kind === "absent" ? body : unreadable(1);
  const { value } = body;
  if (Array.isArray(value)) return unreadable(Math.max(1, value.length));
  if (hasLookalike(value, "method") || hasLookalike(value, "params")) return unreadable(1);
  const method = trimmed(valueAt(value, ["method"]));
  const called = method?.toLowerCase();
  if (called !== "tools/call" && called !== "prompts/get") return message(method);
  const params = valueAt(value, ["params"]);
  if (hasLookalike(params, "name")) return unreadable(1);
  const name = trimmed(valueAt(params, ["name"]))?.toLowerCase();
  return called === "tools/call" ? message(method, name) : message(method, undefined, name);
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

const unreadable = (messages: number): McpMessage => ({ kind: "unreadable", messages });

const trimmed = (value: unknown): string | undefined =>
  typeof value === "string" ? value.trim() || undefined : undefined;

/** Whether a member is named like this one but for letter case, by Unicode's rules: `paramſ` is one too. */
function hasLookalike(value: unknown, name: string): boolean {
  if (typeof value !== "object" || value === null) return false;
  const anyCase = new RegExp(`^${name}$`, "iu");
  return Object.keys(value).some((key) => key !== name && anyCase.test(key));
}
