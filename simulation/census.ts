/** How often things happened: what a world really went through. */
export interface Census {
  count(what: string, times?: number): void;
  totals(): ReadonlyMap<string, number>;
}

export function createCensus(): Census {
  const totals = new Map<string, number>();
  return {
    count(what, times = 1) {
      totals.set(what, (totals.get(what) ?? 0) + times);
    },
    totals: () => totals,
  };
}
