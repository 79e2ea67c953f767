import type { Command } from "./redis-connection.ts";

export type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

// The texts are those of other implementations of this API; Upstash does not document its own.
const NOT_A_COMMAND = { ok: false, problem: "ERR failed to parse command" } as const;
const NOT_A_PIPELINE = { ok: false, problem: "ERR failed to parse pipeline request" } as const;

/** Reads `["SET", "key", "value"]`. */
export function parseCommand(body: string): Parsed<Command> {
  const command = commandOf(parseJson(body));
  if (command === undefined) return NOT_A_COMMAND;
  if (command.length === 0) return { ok: false, problem: "ERR empty command" };
  return { ok: true, value: command };
}

/** Reads `[["SET", "key", "value"], ["GET", "key"]]`. */
export function parsePipeline(body: string): Parsed<Command[]> {
  const rows = parseJson(body);
  if (!Array.isArray(rows)) return NOT_A_PIPELINE;
  if (rows.length === 0) return { ok: false, problem: "ERR empty pipeline request" };
  const commands: Command[] = [];
  for (const row of rows) {
    const command = commandOf(row);
    if (command === undefined) return NOT_A_PIPELINE;
    commands.push(command);
  }
  return { ok: true, value: commands };
}

/** Reads `/set/key?EX=10` and its body as `SET key <body> EX 10`. */
export function parsePathCommand(url: URL, body: Buffer): Parsed<Command> {
  const path = url.pathname.slice(1).split("/").map(percentDecode);
  if (path[0]?.length === 0) return { ok: false, problem: "ERR empty command" };
  // A POST without a body is a command without a last argument, as in Upstash's examples.
  const value = body.length === 0 ? [] : [body];
  return { ok: true, value: [...path, ...value, ...queryArguments(url.search)] };
}

function queryArguments(search: string): Buffer[] {
  const pairs = search.slice(1).split("&");
  const own = pairs.filter((pair) => pair !== "" && !/^_token(=|$)/.test(pair));
  return own.flatMap((pair) => splitPair(pair).map((text) => percentDecode(text.replaceAll("+", " "))));
}

// An option without a value, such as ?NX, is one argument and not two.
function splitPair(pair: string): string[] {
  const equals = pair.indexOf("=");
  return equals === -1 ? [pair] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

// `decodeURIComponent` throws on bytes that are not UTF-8, which Redis takes as well as any.
function percentDecode(text: string): Buffer {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_match, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, "latin1");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, keepDigits);
  } catch {
    return undefined;
  }
}

// A number becomes its own text: as a JavaScript number it would lose digits beyond 2^53.
function keepDigits(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === "number" ? (context?.source ?? String(value)) : value;
}

function commandOf(row: unknown): Command | undefined {
  if (!Array.isArray(row)) return undefined;
  const command: string[] = [];
  for (const argument of row) {
    if (typeof argument !== "string" && typeof argument !== "boolean") return undefined;
    command.push(String(argument));
  }
  return command;
}
