import type { KeyExpression, KeyGroup, KeyPart } from "../config/key-expression.ts";
import { partName, type Reading } from "./key-part.ts";
import type { Need } from "./request-facts.ts";

/** A caller's key under a policy. */
export type Key =
  /** Text in which no two different keys are equal. */
  | { readonly kind: "key"; readonly text: string }
  /** The policy does not apply. */
  | { readonly kind: "none" }
  /** It cannot be told before this has been looked at. */
  | { readonly kind: "unknown"; readonly needs: Need };

const NONE: Key = { kind: "none" };

/**
 * A caller's key: every name and value stands behind its length, and a group without a value, or one whose value cannot be
 * read, is marked as such. What shows that the policy does not apply comes before what is still unknown.
 */
export function keyText(key: KeyExpression, read: (part: KeyPart) => Reading): Key {
  let text = "";
  let unknown: Key | undefined;
  for (const group of key) {
    const own = groupText(group, read);
    if (own.kind === "none") return own;
    if (own.kind === "unknown") unknown ??= own;
    else text += own.text;
  }
  return unknown ?? { kind: "key", text };
}

function groupText(group: KeyGroup, read: (part: KeyPart) => Reading): Key {
  const missing = missesMessage(group, read);
  if (missing) return missing;
  for (const part of group.parts) {
    const reading = read(part);
    if (reading.kind === "unknown") return reading;
    if (reading.kind === "value")
      return { kind: "key", text: `=${sized(partName(part))}${sized(reading.text)}` };
    if (reading.kind === "unreadable") return { kind: "key", text: `!${sized(groupName(group))}` };
  }
  return group.orNone ? NONE : { kind: "key", text: `-${sized(groupName(group))}` };
}

/** A group with parts of MCP is only about messages that have one of them, or cannot be read. */
function missesMessage({ parts }: KeyGroup, read: (part: KeyPart) => Reading): Key | undefined {
  const readings = parts.filter(({ kind }) => kind === "mcp").map(read);
  if (readings.length === 0) return undefined;
  const unknown = readings.find((reading) => reading.kind === "unknown");
  if (unknown) return unknown;
  return readings.every(({ kind }) => kind === "absent") ? NONE : undefined;
}

const groupName = ({ parts }: KeyGroup): string => parts.map(partName).join("|");

const sized = (text: string): string => `${text.length}:${text}`;
