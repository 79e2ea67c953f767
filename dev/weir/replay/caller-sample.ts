/** The peaks of callers, each counted once however often it comes. Bounded: beyond `maxCallers` those with a low hash remain. */
export interface CallerSample {
  add(caller: string, peak: number): void;
  /** How many callers there were; an estimate when they were sampled. */
  count(): number;
  /** Whether every caller is in it. */
  readonly isWhole: boolean;
  /** The smallest limit that at most this share of callers ever exceeds. */
  limitFor(share: number): number;
}

export function createCallerSample(maxCallers: number): CallerSample {
  const peaks = new Map<string, number>();
  /** Whose hash is below it is in the sample. */
  let bound = 2 ** 32;

  function halve(): void {
    bound /= 2;
    for (const caller of peaks.keys()) if (hashOf(caller) >= bound) peaks.delete(caller);
  }

  return {
    add(caller, peak) {
      const known = peaks.get(caller);
      if (known === undefined && bound < 2 ** 32 && hashOf(caller) >= bound) return;
      if (known === undefined || peak > known) peaks.set(caller, peak);
      while (peaks.size > maxCallers) halve();
    },
    count: () => Math.round((peaks.size * 2 ** 32) / bound),
    get isWhole() {
      return bound === 2 ** 32;
    },
    limitFor(share) {
      const descending = [...peaks.values()].toSorted((one, other) => other - one);
      return descending[Math.floor(share * descending.length)] ?? 0;
    },
  };
}

/** 32 bits that depend on the whole text (FNV-1a, then mixed). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
