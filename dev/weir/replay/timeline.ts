/** Points that a plot can show. */
const MAX_BUCKETS = 720;
const FIRST_BUCKET_MS = 1_000;

/** Counts over time, in at most so many steps: they grow with the time that is spanned. */
export interface Timeline {
  /** One of the things counted; made when it is first asked for. */
  series(name: string): Series;
  readonly bucketMs: number;
  /** From the first to the last instant, without gaps; times are the steps' beginnings. */
  points(name: string): { readonly timeMs: number; readonly count: number }[];
}

export interface Series {
  add(timeMs: number): void;
}

interface Counts {
  byBucket: Map<number, { count: number }>;
}

export function createTimeline(maxBuckets = MAX_BUCKETS): Timeline {
  let bucketMs = FIRST_BUCKET_MS;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  const all = new Map<string, Counts & Series>();

  /** Takes an instant in; steps grow until all fits. */
  function extend(timeMs: number): void {
    const bucket = Math.floor(timeMs / bucketMs);
    first = Math.min(first, bucket);
    last = Math.max(last, bucket);
    while (last - first >= maxBuckets) widen();
  }

  function widen(): void {
    bucketMs *= 2;
    first = Math.floor(first / 2);
    last = Math.floor(last / 2);
    for (const counts of all.values()) {
      const wider: Counts["byBucket"] = new Map();
      for (const [bucket, { count }] of counts.byBucket) {
        const into = Math.floor(bucket / 2);
        wider.set(into, { count: (wider.get(into)?.count ?? 0) + count });
      }
      counts.byBucket = wider;
    }
  }

  function createSeries(): Counts & Series {
    let recentMs = Number.NaN;
    let recent: { count: number } | undefined;
    let recentOf: Counts["byBucket"] | undefined;
    const counts: Counts & Series = {
      byBucket: new Map(),
      add(timeMs) {
        // Requests of one instant follow each other.
        if (timeMs === recentMs && recent && recentOf === counts.byBucket) {
          recent.count += 1;
          return;
        }
        const bucket = Math.floor(timeMs / bucketMs);
        if (bucket < first || bucket > last) extend(timeMs);
        const own = Math.floor(timeMs / bucketMs);
        recent = counts.byBucket.get(own) ?? { count: 0 };
        if (recent.count === 0) counts.byBucket.set(own, recent);
        recent.count += 1;
        recentMs = timeMs;
        recentOf = counts.byBucket;
      },
    };
    return counts;
  }

  return {
    series(name) {
      const known = all.get(name) ?? createSeries();
      all.set(name, known);
      return known;
    },
    get bucketMs() {
      return bucketMs;
    },
    points(name) {
      if (last < first) return [];
      const counts = all.get(name)?.byBucket;
      return Array.from({ length: last - first + 1 }, (_, i) => ({
        timeMs: (first + i) * bucketMs,
        count: counts?.get(first + i)?.count ?? 0,
      }));
    },
  };
}
