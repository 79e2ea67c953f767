import type { KeyExpression, KeyGroup, KeyPart } from "../config/key-expression.ts";
import { partName } from "./key-part.ts";

/**
 * A caller's key as text in which no two different keys are equal: every name and value stands behind
 * its length, and a group without a value is marked as such. Undefined: the policy does not apply.
 */
export function keyText(key: KeyExpression, read: (part: KeyPart) => string | undefined): string | undefined {
  let text = "";
  for (const group of key) {
    const value = groupText(group, read);
    if (value === undefined) return undefined;
    text += value;
  }
  return text;
}

function groupText(group: KeyGroup, read: (part: KeyPart) => string | undefined): string | undefined {
  for (const part of group.parts) {
    const value = read(part);
    if (value !== undefined) return `=${sized(partName(part))}${sized(value)}`;
  }
  return group.orNone ? undefined : `-${sized(group.parts.map(partName).join("|"))}`;
}

const sized = (text: string): string => `${text.length}:${text}`;
