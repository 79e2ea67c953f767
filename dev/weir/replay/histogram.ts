/** Up to here every value has a place of its own; above, values within 1/128 of each other share one. */
const EXACT = 1_024;
const PER_DOUBLING = 128;

interface Bin {
  /** The largest value that belongs here. */
  readonly most: number;
  count: number;
  sum: number;
}

/** How often whole numbers occurred, in bounded memory. */
export interface Histogram {
  add(value: number): void;
  readonly count: number;
  /** The smallest limit that at most so many values are above; never too small. */
  limitForTail(most: number): number;
  /** A limit that what values are above it adds up to at most so much; never too large. */
  limitForExcess(most: number): number;
}

export function createHistogram(): Histogram {
  const bins = new Map<number, Bin>();
  let total = 0;
  const descending = () => [...bins.values()].toSorted((one, other) => other.most - one.most);

  return {
    add(value) {
      total += 1;
      const most = binOf(value);
      const bin = bins.get(most);
      if (bin) {
        bin.count += 1;
        bin.sum += value;
      } else bins.set(most, { most, count: 1, sum: value });
    },
    get count() {
      return total;
    },
    limitForTail(most) {
      let above = 0;
      for (const { most: value, count } of descending()) {
        above += count;
        if (above > most) return value;
      }
      return 0;
    },
    limitForExcess(most) {
      // Between two values it falls by as much as there are values above, for each unit of the limit.
      let above = 0;
      let sum = 0;
      for (const bin of descending()) {
        if (sum - above * (bin.sum / bin.count) > most) break;
        above += bin.count;
        sum += bin.sum;
      }
      return above === 0 ? 0 : Math.max(0, Math.ceil((sum - most) / above));
    },
  };
}

/** The largest value of the bin that a value belongs to. */
function binOf(value: number): number {
  if (value <= EXACT) return value;
  const width = 2 ** Math.floor(Math.log2(value)) / PER_DOUBLING;
  return Math.ceil(value / width) * width;
}
