import { type Child, useState } from "hono/jsx/dom";
import { count } from "../text/numbers.ts";

/** The first rows of a long list, until the operator asks for all of it. */
export function useFirst<T>(all: readonly T[], first: number): { shown: readonly T[]; more: () => Child } {
  const [showAll, setShowAll] = useState(false);
  const isLong = all.length > first;
  return {
    shown: showAll ? all : all.slice(0, first),
    more: () =>
      isLong && (
        <button
          type="button"
          class="quiet-button"
          aria-expanded={showAll ? "true" : "false"}
          onClick={() => setShowAll(!showAll)}
        >
          {showAll ? `Show the first ${first}` : `Show all ${count(all.length)}`}
        </button>
      ),
  };
}
