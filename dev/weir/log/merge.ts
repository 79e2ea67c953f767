import type { Entry } from "./entry.ts";

/** One log's entries, as far as they have been read. */
interface Source {
  readonly batches: AsyncGenerator<Entry[]>;
  batch: readonly Entry[];
  next: number;
}

/** The entries of several logs as one, by time. Reads from each only as far as it takes. */
export async function* mergeByTime(
  logs: readonly AsyncGenerator<Entry[]>[],
): AsyncGenerator<readonly Entry[]> {
  const [only, ...others] = logs;
  if (only && others.length === 0) return yield* only;
  let sources: Source[] = logs.map((batches) => ({ batches, batch: [], next: 0 }));
  for (;;) {
    sources = await refilled(sources);
    if (sources.length === 0) return;
    yield untilOneIsEmpty(sources);
  }
}

/** Those that still have entries. */
async function refilled(sources: readonly Source[]): Promise<Source[]> {
  for (const source of sources) {
    while (source.next >= source.batch.length) {
      const { done, value } = await source.batches.next();
      if (done) break;
      source.batch = value;
      source.next = 0;
    }
  }
  return sources.filter(({ next, batch }) => next < batch.length);
}

/** Beyond the end of a batch nobody knows what comes. */
function untilOneIsEmpty(sources: readonly Source[]): Entry[] {
  const merged: Entry[] = [];
  for (;;) {
    let first: Source | undefined;
    for (const source of sources) if (!first || headMs(source) < headMs(first)) first = source;
    const entry = first?.batch[first.next];
    if (!first || !entry) return merged;
    merged.push(entry);
    first.next += 1;
    if (first.next >= first.batch.length) return merged;
  }
}

const headMs = ({ batch, next }: Source): number => batch[next]?.timeMs ?? Number.POSITIVE_INFINITY;
