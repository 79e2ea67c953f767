import { type Batch, type BatchReply, FORMAT } from "./protocol.ts";
import { addCount, bucketOf, type Counts, type Series } from "./series.ts";
import { addKey, type KeyCounts } from "./top-keys.ts";
import { within } from "./within.ts";

/** Counts what happens in this isolate, in plain numbers; others add them up. Never throws, and nobody waits for it. */
export interface Metrics {
  count(series: Series, by?: number): void;
  /** @param key digest of the caller's key that the policy refused */
  refused(policy: string, key: string): void;
  /** @param ms how long a store call took, or was waited for */
  storeTook(ms: number): void;
  /** To be called where a timer runs as long as the socket is open: in its own request. Returns what to call at its end. */
  socketOpened(): () => void;
  breakerIs(isOpen: boolean): void;
  /** Sends what was counted so far. Rejects when that does not succeed: it is sent again. */
  flush(): Promise<void>;
}

export interface MetricsParts {
  readonly now: () => number;
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Hands a batch to where all are added up. Undefined: nowhere. */
  readonly send: ((batch: Batch) => Promise<BatchReply>) | undefined;
  /** Is shown each batch once. */
  readonly publish?: (counts: Counts) => void;
  /** Is told of each failure to send. */
  readonly report?: (error: unknown) => void;
}

/** From the first count to the flush. What an isolate loses when it ends is at most what it counted in this time. */
const FLUSH_MS = 5_000;
/** For one call. Shorter than what is left of the 30 s that a request's work may go on. */
const SEND_TIMEOUT_MS = 3_000;
/** How many batches a second an object takes at most: so many isolates to one object that each waits longer. */
const MAX_BATCHES_PER_S = 100;
/**
 * A batch that has not arrived after this is given up. Shorter than what an object knows batches again by (10 minutes), but
 * not by much: an isolate may have nothing to do between the first try and the second.
 */
const GIVE_UP_MS = 540_000;
/** How often open sockets are told of while nothing else happens. */
const HEARTBEAT_MS = 30_000;
/** A socket whose timer has missed this many heartbeats ended without a word. */
const MAX_MISSED_BEATS = 2;

export function createMetrics(parts: MetricsParts): Metrics {
  const { now, waitUntil, send, publish = () => {}, report = () => {} } = parts;
  let counts = new Map<string, number>();
  let keys = new Map<string, KeyCounts>();
  /** Whether each was alive, by its timer: epoch milliseconds. */
  const sockets = new Map<object, number>();
  let openBreakers = 0;
  /** Not at the start: random numbers are to be had only in a request. */
  let isolate = "";
  let seq = 0;
  /** Made, but not known to have arrived. It is sent as it is until it has, so that it counts once. */
  let unsent: { readonly batch: Batch; readonly madeMs: number } | undefined;
  let pauseMs = 0;
  let sentMs = 0;
  let sentSockets = 0;
  /** No flush is to be scheduled before. */
  let nextMs = Number.NEGATIVE_INFINITY;

  function schedule(): void {
    const nowMs = now();
    if (nowMs < nextMs) return;
    // By time, not until the flush: the request that it belongs to may be cancelled.
    const untilMs = nowMs + FLUSH_MS + SEND_TIMEOUT_MS;
    nextMs = untilMs;
    const flushNow = () => {
      // Only the timer that runs makes room for the next one: after each other flush there would be one more for ever.
      if (nextMs === untilMs) nextMs = now() + pauseMs;
      return flush();
    };
    try {
      waitUntil(sleep(FLUSH_MS).then(flushNow).catch(report));
    } catch {
      // Outside of a request nothing can wait. The next count tries again.
      nextMs = nowMs;
    }
  }

  async function flush(): Promise<void> {
    if (unsent && now() - unsent.madeMs > GIVE_UP_MS) giveUp(unsent.batch);
    if (unsent) await deliver(unsent);
    unsent ??= nextBatch();
    if (unsent) await deliver(unsent);
  }

  async function deliver(one: NonNullable<typeof unsent>): Promise<void> {
    if (send) {
      const { isolates } = await within(SEND_TIMEOUT_MS, send(one.batch));
      pauseMs = Math.max(0, (isolates / MAX_BATCHES_PER_S) * 1_000 - FLUSH_MS);
    }
    sentMs = now();
    nextMs = Math.max(nextMs, sentMs + pauseMs);
    if (unsent === one) unsent = undefined;
  }

  function giveUp({ counts: lost }: Batch): void {
    unsent = undefined;
    for (const [series, n] of lost)
      if (/^requests |^metrics_dropped$/.test(series)) addCount(counts, "metrics_dropped", n);
  }

  function nextBatch(): typeof unsent {
    const open = liveSockets();
    if (counts.size === 0 && open === 0 && sentSockets === 0) return undefined;
    isolate ||= crypto.randomUUID();
    seq += 1;
    const batch: Batch = {
      format: FORMAT,
      isolate,
      seq,
      counts,
      keys,
      gauges: { sockets: open, openBreakers },
    };
    sentSockets = open;
    counts = new Map();
    keys = new Map();
    try {
      publish(batch.counts);
    } catch {
      // Of use, not needed.
    }
    return { batch, madeMs: now() };
  }

  function liveSockets(): number {
    const oldestMs = now() - MAX_MISSED_BEATS * HEARTBEAT_MS;
    for (const [socket, aliveMs] of sockets) if (aliveMs < oldestMs) sockets.delete(socket);
    return sockets.size;
  }

  function count(series: Series, by = 1): void {
    addCount(counts, series, by);
    schedule();
  }

  return {
    count,
    refused(policy, key) {
      const own = keys.get(policy) ?? new Map();
      keys.set(policy, own);
      addKey(own, key);
    },
    storeTook(ms) {
      addCount(counts, "store_ms sum", ms);
      count(`store_ms ${bucketOf(ms)}`);
    },
    socketOpened() {
      const socket = {};
      const beat = () => {
        sockets.set(socket, now());
        // Half of it: the timers of several sockets fire at different moments, and the flush comes later still.
        if (now() - sentMs >= HEARTBEAT_MS / 2) schedule();
      };
      const timer = setInterval(beat, HEARTBEAT_MS);
      sockets.set(socket, now());
      schedule();
      return () => {
        clearInterval(timer);
        if (sockets.delete(socket)) schedule();
      };
    },
    breakerIs(isOpen) {
      openBreakers = isOpen ? 1 : 0;
    },
    flush,
  };
}

const sleep = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));
