import { retryAfterSeconds } from "../src/http/verdict.ts";
import type { Charge, Decision } from "../src/limit/charge.ts";
import type { TakeReply } from "../src/store/counter-protocol.ts";
import type { Census } from "./census.ts";
import type { CountWatch, Watches } from "./count-watch.ts";
import type { StoreHost } from "./store-host.ts";

interface Check {
  readonly watches: Watches;
  readonly host: StoreHost;
  readonly census: Census;
  readonly report: (promise: number, key: string, text: string) => void;
}

/** Promise 3, of what a store has just answered: by all that has been counted so far, this answer included. */
export function checkNumbers(charges: readonly Charge[], reply: TakeReply, check: Check): void {
  const { watches, census } = check;
  const isExact = charges.map((charge, i) => isExactNow(watches.of(charge), reply.decisions[i] as Decision));
  for (const [i, charge] of charges.entries()) {
    const decision = reply.decisions[i] as Decision;
    if (isExact[i]) checkExact(charge, decision, check);
    else checkBound(charge, decision, check);
    census.count(isExact[i] ? "exact numbers" : "bounded numbers");
  }
  if (!reply.admitted && isExact.every(Boolean)) checkRetryAfter(charges, reply, check);
}

const isExactNow = ({ inexactUntilMs }: CountWatch, { nowMs, lockedOut }: Decision): boolean =>
  nowMs >= inexactUntilMs && !lockedOut;

function checkBound({ key, count, ...charge }: Charge, decision: Decision, check: Check): void {
  const { model, exemptUntilMs } = check.watches.of({ key, count, ...charge });
  const room = Math.max(0, model.room(decision.nowMs));
  if (decision.remaining > room && decision.nowMs >= exemptUntilMs)
    check.report(3, key, `${count} says ${decision.remaining} remain, but ${room} do`);
}

function checkExact(charge: Charge, decision: Decision, { watches, host, report }: Check): void {
  const { key, count, cost, quota } = charge;
  const { model } = watches.of(charge);
  const { remaining, allowed, retryAfterMs, moreRoomMs, nowMs } = decision;
  const room = Math.max(0, model.knownRoom(nowMs));
  if (remaining !== room) report(3, key, `${count} says ${remaining} remain, but ${room} do`);
  // By the store's clock, which may be behind the newest time that it kept.
  const roomIn = (ms: number) => model.knownRoom(Math.max(nowMs, host.clock.nowMs() + ms));
  const isFirst = (ms: number, units: number) => roomIn(ms) >= units && (ms === 0 || roomIn(ms - 1) < units);
  if (!allowed && cost <= quota.burst && !isFirst(retryAfterMs, cost))
    report(3, key, `${count} says that ${cost} fit in ${retryAfterMs} ms, which is not the first instant`);
  if (remaining < quota.burst && !isFirst(moreRoomMs, remaining + 1))
    report(
      3,
      key,
      `${count} says that there is more room in ${moreRoomMs} ms, which is not the first instant`,
    );
}

/** Retry-After as it is sent: refused one second before it, admitted at it, if nobody else takes the room. */
function checkRetryAfter(
  charges: readonly Charge[],
  reply: TakeReply,
  { watches, host, ...check }: Check,
): void {
  const applied = charges.flatMap((charge, i) => {
    const outcome = { kind: "decided", decision: reply.decisions[i] as Decision } as const;
    const { key, count, quota } = charge;
    return charge.shadow ? [] : [{ key, quota: { name: count, count, text: count, quota }, outcome }];
  });
  const seconds = retryAfterSeconds(applied, false);
  if (seconds === undefined) return;
  check.census.count("Retry-After checked");
  const fitsIn = (ms: number) =>
    charges.every((charge, i) => {
      const nowMs = Math.max(reply.decisions[i]?.nowMs ?? 0, host.clock.nowMs() + ms);
      return charge.shadow || watches.of(charge).model.knownRoom(nowMs) >= charge.cost;
    });
  const key = charges[0]?.key ?? "-";
  if (!fitsIn(seconds * 1_000)) check.report(3, key, `refused anew after Retry-After: ${seconds}`);
  if (seconds > 1 && fitsIn((seconds - 1) * 1_000))
    check.report(3, key, `admitted a second before Retry-After: ${seconds}`);
}

/** Never over, and never refused while there is room. */
export function checkRoom(
  watch: CountWatch,
  { key, count, cost }: Charge,
  { allowed, nowMs, lockedOut }: Decision,
  report: Check["report"],
): void {
  const room = watch.model.room(nowMs);
  if (allowed && cost > room && nowMs >= watch.exemptUntilMs)
    report(1, key, `${count} admitted ${cost} where there was room for ${room}`);
  if (!allowed && !lockedOut && nowMs >= watch.inexactUntilMs && cost <= watch.model.knownRoom(nowMs))
    report(3, key, `${count} refused ${cost} where there was room for ${watch.model.knownRoom(nowMs)}`);
}
