import { DurableObject } from "cloudflare:workers";
import { systemClock } from "../clock.ts";
import { type Aggregate, createAggregate } from "./aggregate.ts";
import type { Batch, BatchReply, Report } from "./protocol.ts";

/** Adds up the metrics of its share of all isolates, whichever store counts. */
export class MetricsObject extends DurableObject implements Aggregate {
  readonly #aggregate = createAggregate(this.ctx.storage.kv, systemClock);

  /** Its reply waits for the disk: the isolate forgets what it sent. */
  add(batch: Batch): BatchReply {
    return this.#aggregate.add(batch);
  }

  read(): Report {
    return this.#aggregate.read();
  }
}
