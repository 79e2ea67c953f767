import type { StatusRange } from "../config/statuses.ts";
import type { Receipt } from "../limit/charge.ts";
import type { Settlement } from "../limit/settle.ts";
import type { Log } from "../metrics/log.ts";
import type { Deadline } from "../store/deadline.ts";
import type { Store, WaitUntil } from "../store/store.ts";
import { observeCost, parseCost, type StatedCost } from "./cost-reader.ts";
import { logFault } from "./decide.ts";
import type { Provisional } from "./outcomes.ts";

export interface SettleParts {
  readonly store: Store;
  readonly newDeadline: () => Deadline;
  readonly waitUntil: WaitUntil;
  readonly log: Log;
}

/**
 * Corrects what was reserved by what the response shows: refunds what its status does not count, and replaces estimates by
 * the true cost. Returns the response to send, which it never holds up. Each receipt is presented once; where no cost can be
 * read, the reservation stands.
 */
export type Settle = (provisional: readonly Provisional[], response: Response) => Response;

export function createSettle({ store, newDeadline, waitUntil, log }: SettleParts): Settle {
  function present(settlements: readonly Settlement[]): void {
    const differing = settlements.filter(({ receipt, cost }) => cost !== receipt.charge.cost);
    if (differing.length === 0) return;
    const deadline = newDeadline();
    const settling = store.settle(differing, deadline).catch((error: unknown) => logFault(log, error));
    waitUntil(settling.finally(() => deadline.clear()));
  }

  return (provisional, response) => {
    const settlements: Settlement[] = [];
    let answer = response;
    for (const [policy, admissions] of Map.groupBy(provisional, (one) => one.policy)) {
      const receipts = admissions.map(({ receipt }) => receipt);
      const { count, cost } = policy;
      if (!isCounted(response.status, count)) {
        settlements.push(...receipts.map((receipt) => ({ receipt, cost: 0 })));
      } else if (cost.kind === "response-header") {
        const units = parseCost(response.headers.get(cost.name));
        if (units !== undefined) settlements.push(...receipts.map((receipt) => settlement(receipt, units)));
      } else if (cost.kind === "response-json") {
        const observed = observeCost(answer, cost.pointer);
        answer = observed.response;
        waitUntil(
          observed.cost.then(
            (stated) => stated && present(receipts.map((receipt) => corrected(receipt, stated))),
          ),
        );
      }
    }
    present(settlements);
    return answer;
  };
}

/** The largest true cost that is believed, in multiples of the capacity: more would close a key for ages. */
const MAX_CAPACITIES = 1_000;

function settlement(receipt: Receipt, units: number): Settlement {
  return { receipt, cost: Math.min(units, receipt.charge.quota.burst * MAX_CAPACITIES) };
}

/** A body that broke off may have had more to say: its reservation is the least it costs. */
function corrected(receipt: Receipt, { units, isFinal }: StatedCost): Settlement {
  return settlement(receipt, isFinal ? units : Math.max(units, receipt.charge.cost));
}

function isCounted(status: number, count: readonly StatusRange[] | undefined): boolean {
  return count === undefined || count.some(({ from, to }) => status >= from && status <= to);
}
