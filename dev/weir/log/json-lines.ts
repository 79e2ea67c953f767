import { entryOf, type Read } from "./entry.ts";
import type { FieldPath, FieldPaths } from "./json-fields.ts";
import { createTimeReader } from "./times.ts";

type Table = Readonly<Record<string, unknown>>;

/** Reads lines that are JSON objects, with the fields where `paths` says. */
export function createJsonReader(paths: FieldPaths): (line: string) => Read {
  const readTime = createTimeReader();
  const fields = new Map([...paths].map(([name, candidates]) => [name, createField(candidates)]));
  const facts = new Set(["time", "ip", "method", "path", "host", "status", "request"]);
  const parts = [...fields].filter(([name]) => !facts.has(name));
  const fieldOf = (name: string, line: Table): unknown => fields.get(name)?.(line);
  const textOf = (name: string, line: Table): string => scalarText(fieldOf(name, line));

  return (text) => {
    const line = parseObject(text);
    if (!line) return "not a JSON object";
    const [method, target] = requestLine(line);
    return entryOf(readTime(fieldOf("time", line)), method, target, {
      address: textOf("ip", line),
      host: textOf("host", line),
      status: Number(textOf("status", line)) || 0,
      values: valuesOf(line),
    });
  };

  /** nginx writes the whole request line as one field. */
  function requestLine(line: Table): [method: string, target: string] {
    const method = textOf("method", line);
    const target = textOf("path", line);
    if (method !== "" && target !== "") return [method, target];
    const [first = "", second = ""] = textOf("request", line).split(" ");
    return [method || first, target || second];
  }

  function valuesOf(line: Table): ReadonlyMap<string, string> | undefined {
    let values: Map<string, string> | undefined;
    for (const [name, field] of parts) {
      const value = scalarText(field(line));
      if (value === "") continue;
      values ??= new Map();
      // Logpush writes it in lower case, and the Worker sees it in upper case.
      values.set(name, name === "country" ? value.toUpperCase() : value);
    }
    return values;
  }
}

function parseObject(text: string): Table | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Table)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Text of a field; a list's first item, as headers have it. */
function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? scalarText(value[0]) : "";
}

/**
 * Reads the first of some paths that is there. Lines of one log have it in the same place: once found, that is tried first.
 */
function createField(candidates: readonly FieldPath[]): (line: Table) => unknown {
  let known: FieldPath | undefined;
  return (line) => {
    const usual = known && valueAt(line, known);
    if (usual !== undefined) return usual;
    for (const path of candidates) {
      const value = valueAt(line, path);
      if (value === undefined) continue;
      known = path;
      return value;
    }
    return undefined;
  };
}

/** Own members only, and null is nothing. A member may be named by the whole path, dots and all. */
function valueAt(line: Table, path: FieldPath): unknown {
  let value: unknown = line;
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) {
      const whole = path.length > 1 ? path.join(".") : "";
      return whole !== "" && Object.hasOwn(line, whole) ? (line[whole] ?? undefined) : undefined;
    }
    value = (value as Table)[name];
  }
  return value ?? undefined;
}
