import { fixedWindow } from "./fixed-window.ts";
import type { Algorithm } from "./quota.ts";
import type { Rules } from "./rules.ts";
import { slidingWindow } from "./sliding-window.ts";
import { tokenBucket } from "./token-bucket.ts";

const RULES: { readonly [A in Algorithm]: Rules<unknown> } = {
  "sliding-window": slidingWindow as Rules<unknown>,
  "token-bucket": tokenBucket as Rules<unknown>,
  "fixed-window": fixedWindow as Rules<unknown>,
};

/** The rules of an algorithm. States go in and come out as `unknown`: `read` them first. */
export const rulesFor = (algorithm: Algorithm): Rules<unknown> => RULES[algorithm];
