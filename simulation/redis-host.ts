import { idleAtMs, type KeyRecord } from "../src/limit/key-record.ts";
import { settleAll } from "../src/limit/settle.ts";
import { standingOf, takeAll } from "../src/limit/take.ts";
import type { Random } from "./random.ts";
import { createSkewedClock } from "./skewed-clock.ts";
import type { StoreHost, Witness } from "./store-host.ts";
import type { VirtualTime } from "./virtual-time.ts";
import { createWaitingRoom } from "./waiting-room.ts";

export interface RedisParts {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly witness: Witness;
  /** Takes the place of the script, to try whether what it breaks is found. */
  readonly sabotage?: ((take: typeof takeAll) => typeof takeAll) | undefined;
}

/**
 * One Redis for all keys. The scripts are twins of `takeAll` and `settleAll`, held to them by shared histories; here these
 * run themselves, each call in one step. A restart loses nothing.
 */
export function createRedisHost({ time, random, witness, sabotage = (take) => take }: RedisParts): StoreHost {
  const values = new Map<string, { readonly record: KeyRecord; readonly expiresMs: number }>();
  const take = sabotage(takeAll);
  const room = createWaitingRoom(time);
  const clock = createSkewedClock(time, random.between(-3_000, 3_000));

  function records(): Map<string, KeyRecord> {
    for (const [key, { expiresMs }] of values) if (expiresMs <= clock.nowMs()) values.delete(key);
    return new Map([...values].map(([key, { record }]) => [key, record]));
  }

  /** As the script does: `SET` with `PX`. */
  function save(changed: ReadonlyMap<string, KeyRecord>): void {
    for (const [key, record] of changed) {
      const expiresMs = clock.nowMs() + Math.max(1, idleAtMs(record) - clock.nowMs());
      values.set(key, { record, expiresMs });
    }
  }

  const host: StoreHost = {
    name: "-",
    take: (charges, _, callId) =>
      room.serve(() => {
        const { changed, ...reply } = take(records(), charges, clock.nowMs());
        save(changed);
        const value = { ...reply, final: true };
        witness.decided(callId, charges, value, host);
        if (changed.size > 0 && !value.admitted) witness.wroteRefusal(charges);
        return { value, leavesMs: 0 };
      }),
    settle: (settlements, callId) =>
      room.serve(() => {
        save(settleAll(records(), settlements, clock.nowMs()));
        witness.settled(callId, settlements, host);
        const standing = records();
        return {
          value: settlements.map(({ receipt }) => standingOf(standing, receipt.charge, clock.nowMs())),
          leavesMs: 0,
        };
      }),
    clock,
    pause: room.pause,
    restart: () => room.fail("redis was restarted"),
    stored: () => records().size,
  };
  return host;
}
