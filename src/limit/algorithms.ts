import { fixedWindow } from "./fixed-window.ts";
import type { Quota } from "./quota.ts";
import type { Rules } from "./rules.ts";
import { slidingWindow } from "./sliding-window.ts";
import { tokenBucket } from "./token-bucket.ts";

const RULES: { readonly [A in Quota["algorithm"]]: Rules<unknown> } = {
  "sliding-window": slidingWindow as Rules<unknown>,
  "token-bucket": tokenBucket as Rules<unknown>,
  "fixed-window": fixedWindow as Rules<unknown>,
  // An entry that is given back at its end, and moved to now when it is renewed, stands for what is under way.
  concurrency: slidingWindow as Rules<unknown>,
};

/** The rules of an algorithm. States go in and come out as `unknown`: `read` them first. */
export const rulesFor = (algorithm: Quota["algorithm"]): Rules<unknown> => RULES[algorithm];
