import { DurableObject } from "cloudflare:workers";
import { systemClock } from "../clock.ts";
import { createLog } from "../metrics/log.ts";
import { type CounterCore, type CounterStorage, createCounter } from "./counter.ts";
import {
  type AdminMessage,
  type AdminReply,
  type CounterAdministration,
  MESSAGE_FORMAT,
} from "./counter-protocol.ts";
import {
  type RemoteCounter,
  type Row,
  readSettle,
  readTake,
  writeSettleReply,
  writeTakeReply,
} from "./counter-wire.ts";

/** A counter in the Durable Objects runtime. */
export class CounterObject extends DurableObject implements RemoteCounter, CounterAdministration {
  readonly #log = createLog(systemClock);
  readonly #counter: CounterCore = createCounter({
    storage: storageOf(this.ctx),
    now: systemClock,
    onCorrupt: () => this.#log("corrupt_state"),
  });

  take(row: Row): Row {
    return writeTakeReply(this.#counter.take(readTake(row)));
  }

  settle(row: Row): Row {
    return writeSettleReply(this.#counter.settle(readSettle(row)));
  }

  administer(message: AdminMessage): AdminReply {
    if (message?.format !== MESSAGE_FORMAT) throw new Error("a message of a format unknown here");
    return this.#counter.administer(message);
  }

  override async alarm(): Promise<void> {
    await this.#counter.alarm();
  }
}

/** Reads synchronously, so that deciding never yields; only the asynchronous calls can write without a wait for the disk. */
function storageOf({ storage }: DurableObjectState): CounterStorage {
  return {
    get: (key) => storage.kv.get(key),
    put: (key, record, durable) => void storage.put(key, record, { allowUnconfirmed: !durable }),
    *list() {
      for (const [, value] of storage.kv.list()) yield value;
    },
    wakeAt: (timeMs, durable) => void storage.setAlarm(timeMs, { allowUnconfirmed: !durable }),
    clear: () => storage.deleteAll(),
  };
}
