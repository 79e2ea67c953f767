import { TrieRouter } from "hono/router/trie-router";
import type { Params, PathRouter } from "../policy/match.ts";

/** Hono's router for every pattern, as the port that `policy/` matches through. */
export function trieRouter<T>(): PathRouter<T> {
  const router = new TrieRouter<T>();
  return {
    add: (path, value) => router.add("ALL", path, value),
    match: (path) => router.match("ALL", path)[0] as [T, Params][],
  };
}
