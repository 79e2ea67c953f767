import type { KeyExpression, KeyGroup, KeyPart } from "../../../src/config/key-expression.ts";
import { partName } from "../../../src/key/key-part.ts";

/** A key as it is written in the configuration. */
export const keyText = (key: KeyExpression): string => key.map(groupText).join(" + ");

const groupText = ({ parts, orNone }: KeyGroup): string =>
  [...parts.map(partName), ...(orNone ? ["none"] : [])].join(" | ");

/** What whoever sends a request writes into it, with nobody to vouch for it. */
export const isUnverified = ({ kind }: KeyPart): boolean =>
  ["header", "cookie", "query", "body"].includes(kind);

/** What every request has, so that what stands behind it in a key is never looked at. */
export const isAlwaysPresent = ({ kind }: KeyPart): boolean =>
  ["ip", "host", "path", "method", "global"].includes(kind);

/** The parts of a key. */
export const partsOf = (key: KeyExpression): readonly KeyPart[] => key.flatMap(({ parts }) => parts);
