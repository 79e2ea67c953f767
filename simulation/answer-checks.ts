import type { Outcome, StoreCharge, TakeAnswer } from "../src/store/store.ts";
import type { Census } from "./census.ts";
import { isHeldAhead, isLeased } from "./count-watch.ts";
import type { Observer } from "./observer.ts";
import type { Call, SimulatedRequest } from "./requests.ts";
import type { StoreHost } from "./store-host.ts";

export interface AnswerParts {
  readonly observer: Observer;
  readonly census: Census;
  readonly hostOf: (key: string) => StoreHost;
  readonly timeoutMs: number;
  readonly nowMs: () => number;
}

/** What a request was told, against all that is known. */
export function checkAnswer(request: SimulatedRequest, answer: TakeAnswer, parts: AnswerParts): void {
  const { observer, timeoutMs, nowMs } = parts;
  const { charges, startMs } = request;
  const key = charges[0]?.key ?? "-";
  const tookMs = nowMs() - startMs;
  if (tookMs > timeoutMs) observer.report(6, key, `request ${request.id} waited ${tookMs} ms`);
  const isAdmitted = charges.every(({ shadow }, i) => shadow || isAllowed(answer.outcomes[i]));
  if (isAdmitted !== answer.admitted)
    observer.report(2, key, `request ${request.id}: not every quota that counts says so`);
  checkCalls(request, parts);
  for (const [i, charge] of charges.entries()) checkOutcome(request, charge, answer, i, parts);
}

function isAllowed(outcome: Outcome | undefined): boolean {
  if (outcome?.kind === "decided" || outcome?.kind === "local") return outcome.decision.allowed;
  return outcome?.kind === "open";
}

/** Promise 4: each key's object, or Redis, is asked at most once. */
function checkCalls({ id, calls, charges }: SimulatedRequest, { observer }: AnswerParts): void {
  if (charges.some(isLeased)) return;
  for (const { key } of charges) {
    const own = calls.filter((call) => call.charges.some((charge) => charge.key === key));
    const takes = own.filter(({ isTake }) => isTake);
    if (takes.length > 1) observer.report(4, key, `request ${id} asked ${takes.length} times`);
  }
}

function checkOutcome(
  request: SimulatedRequest,
  charge: StoreCharge,
  { admitted, outcomes }: TakeAnswer,
  i: number,
  { observer, census, hostOf, nowMs }: AnswerParts,
): void {
  const outcome = outcomes[i];
  census.count(`outcome ${outcome?.kind}`);
  if (outcome?.kind !== "decided") return;
  const call = lastCall(request, charge);
  const host = hostOf(charge.key);
  if (!outcome.decision.allowed && !call) {
    census.count("refused at the edge");
    checkRefusal(request, charge, host, observer);
  }
  if (!isLeased(charge) || !outcome.decision.allowed || !admitted) return;
  if (!call) {
    census.count("paid by permits");
    observer.usedPermits(charge, host, ...paidAgoMs(request, nowMs()));
  } else if (call.charges.some((asked) => asked.count === charge.count && isHeldAhead(asked))) {
    observer.usedOwn(charge, call);
  }
}

/** When something was paid with permits that is let through now: before what was not in hand was waited for. */
function paidAgoMs({ charges, calls, startMs }: SimulatedRequest, nowMs: number): [from: number, to: number] {
  // What is answered at once may have asked for more in the background.
  const asked = nowMs === startMs ? undefined : calls.findLast(({ isTake }) => isTake);
  const isAlone = charges.filter(isLeased).length === 1 && !asked;
  return [isAlone ? 0 : nowMs - startMs, asked ? nowMs - asked.begunMs : 0];
}

/** A refusal that no store was asked for: the store would say the same now. */
function checkRefusal(
  { id, isolate }: SimulatedRequest,
  charge: StoreCharge,
  host: StoreHost,
  observer: Observer,
): void {
  // Leases spread the next askings of their holders, and a refusal is theirs to the end.
  if (isLeased(charge)) return;
  // What is believed by elapsed time cannot know of that.
  if (isolate.clock.wasSetLately() || host.clock.wasSetLately()) return;
  if (!observer.wouldRefuse(charge, host))
    observer.report(3, charge.key, `request ${id}: ${charge.count} refused from memory where there was room`);
}

/** The newest call of a request whose answer spoke of a charge. */
function lastCall({ calls }: SimulatedRequest, { key, count }: StoreCharge): Call | undefined {
  return calls.findLast(
    ({ isTake, isAnswered, charges }) =>
      isTake && isAnswered && charges.some((charge) => charge.key === key && charge.count === count),
  );
}
