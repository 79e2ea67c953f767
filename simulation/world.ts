import type { TakeAnswer } from "../src/store/store.ts";
import { checkAnswer } from "./answer-checks.ts";
import { type Census, createCensus } from "./census.ts";
import { createHistory, type History } from "./history.ts";
import { createIsolate, type Isolate } from "./isolate.ts";
import { createNetwork } from "./network.ts";
import { createObserver, type Violation } from "./observer.ts";
import { createPlan, type Plan } from "./plan.ts";
import { createRandom } from "./random.ts";
import type { SimulatedRequest } from "./requests.ts";
import { NO_SABOTAGE, type Sabotage } from "./sabotage.ts";
import { runIn, type Scope, withVirtualTimers } from "./scope.ts";
import { createStores } from "./stores.ts";
import { createGaps, createRequests } from "./traffic.ts";
import { scheduleTroubles } from "./troubles.ts";
import { createVirtualTime } from "./virtual-time.ts";

export interface WorldOptions {
  readonly sabotage?: Sabotage;
  /** All clocks of isolates are right. */
  readonly trueClocks?: boolean;
}

/** What became of a world. */
export interface Outcome {
  readonly seed: number;
  readonly plan: Plan;
  readonly violations: readonly Violation[];
  readonly census: Census;
  readonly history: History;
}

const START_MS = 1_790_000_000_000;
/** How long a client waits at most before it leaves, where it does. */
const MAX_PATIENCE_MS = 300;
/** After the last request: for what is late, paused or being given back. */
const SETTLED_MS = 10_000;
/** After the last of what was counted is over: for the alarms that delete it. */
const CLEANED_MS = 30_000;

/** Lets one world happen, from its seed alone. One at a time in a thread: it takes over the timers. */
export async function runWorld(
  seed: number,
  { sabotage = NO_SABOTAGE, trueClocks = false }: WorldOptions = {},
) {
  const random = createRandom(seed);
  const plan = createPlan(random.fork("plan"));
  const time = createVirtualTime(START_MS);
  const census = createCensus();
  const history = createHistory(time.nowMs);
  const observer = createObserver({ history, census, nowMs: time.nowMs, timeoutMs: plan.timeoutMs });
  const network = createNetwork(time, random.fork("network"), plan.weather, census);
  const requests = new Map<Scope, SimulatedRequest>();
  const stores = createStores({
    ...{ time, network, observer, census, history, sabotage },
    random: random.fork("stores"),
    kind: plan.store,
    overloaded: plan.weather.broken / 2,
    farMs: plan.farMs,
    requestOf: (scope) => scope && requests.get(scope),
  });
  const clocks = random.fork("clocks");
  let born = 0;
  const bear = (): Isolate => {
    const skewMs = clocks.between(-30_000, 30_000);
    const own = random.fork(`isolate ${born}`);
    const parts = {
      id: born++,
      random: own,
      time,
      census,
      connect: stores.connect,
      timeoutMs: plan.timeoutMs,
    };
    return createIsolate({ ...parts, skewMs: trueClocks ? 0 : skewMs, sabotage: sabotage.known });
  };
  const isolates = Array.from({ length: plan.isolates }, bear);
  const traffic = random.fork("traffic");
  const nextCharges = createRequests(plan, traffic);
  const nextGap = createGaps(plan, traffic);
  const answerParts = {
    observer,
    census,
    hostOf: stores.hostOf,
    timeoutMs: plan.timeoutMs,
    nowMs: time.nowMs,
  };
  let sent = 0;

  function send(): void {
    const isolate = isolates[traffic.between(0, isolates.length - 1)] as Isolate;
    const scope = isolate.open();
    const charges = nextCharges();
    const base = { id: sent++, isolate, scope, charges, startMs: time.nowMs(), calls: [] };
    const request: SimulatedRequest = { ...base, isDisturbed: false, hasLeft: false };
    requests.set(scope, request);
    history.note(charges[0]?.key ?? "-", () => `request ${request.id} at isolate ${isolate.id}`);
    runIn(scope, () => isolate.take(charges)).then(
      (answer) => answered(request, answer),
      (error: unknown) => observer.report(6, charges[0]?.key ?? "-", `request failed: ${String(error)}`),
    );
    if (traffic.chance(0.03)) time.after(traffic.between(0, MAX_PATIENCE_MS), () => leave(request));
    if (sent < plan.requests) time.after(nextGap(), send);
  }

  function leave(request: SimulatedRequest): void {
    if (request.answer) return;
    census.count("client left");
    request.hasLeft = true;
    request.scope.end();
  }

  function answered(request: SimulatedRequest, answer: TakeAnswer): void {
    const { isolate, scope, hasLeft, charges } = request;
    if (hasLeft || !isolate.isAlive()) return;
    request.answer = answer;
    const what = answer.admitted ? "passes" : "is refused";
    history.note(charges[0]?.key ?? "-", () => `request ${request.id} ${what}`);
    checkAnswer(request, answer, answerParts);
    if (!answer.admitted) {
      scope.end();
      return;
    }
    const settlements = answer.receipts.filter(({ charge }) => charge.provisional).map(trueCost);
    const differing = settlements.filter(({ receipt, cost }) => cost !== receipt.charge.cost);
    time.after(traffic.between(1, 1_500), () => {
      if (differing.length > 0 && isolate.isAlive()) runIn(scope, () => isolate.settle(differing));
      scope.end();
    });
  }

  function trueCost(receipt: TakeAnswer["receipts"][number]) {
    const cost = traffic.pick([0, 1, receipt.charge.cost, receipt.charge.cost + 2]);
    return { receipt, cost };
  }

  async function live(): Promise<void> {
    time.after(0, send);
    const parts = {
      plan,
      time,
      random: random.fork("troubles"),
      census,
      history,
      stores,
      isolates,
      born: bear,
    };
    scheduleTroubles(parts, () => sent >= plan.requests);
    while (sent < plan.requests) await time.runUntil(time.nowMs() + 1_000);
    await time.runUntil(time.nowMs() + SETTLED_MS);
    for (const request of requests.values()) checkCostsNothing(request);
    const behindMs = stores.hosts().map(({ clock }) => time.nowMs() - clock.nowMs());
    const overMs = Math.max(time.nowMs(), observer.liveUntilMs() + Math.max(0, ...behindMs));
    // What an object has reserved for itself is in its storage until then.
    const quotas = plan.policies.flatMap((policy) => policy.quotas);
    const reservedMs = quotas.map(({ windowMs, burst, limit }) => windowMs * Math.ceil(burst / limit));
    await time.runUntil(overMs + Math.max(...reservedMs) + CLEANED_MS);
    const stored = stores.hosts().reduce((sum, host) => sum + host.stored(), 0);
    if (stored > 0) observer.report(9, "-", `${stored} values are stored after everything is over`);
  }

  function checkCostsNothing(request: SimulatedRequest): void {
    const { answer, isDisturbed, isolate, charges } = request;
    if (!answer || answer.admitted || isDisturbed || !isolate.isAlive()) return;
    if (answer.outcomes.some(({ kind }) => kind !== "decided" && kind !== "unasked")) return;
    const standing = observer.standingOf(request);
    if (standing > 0)
      observer.report(2, charges[0]?.key ?? "-", `refused request ${request.id} is charged ${standing}`);
  }

  await withVirtualTimers(time, live);
  const outcome: Outcome = { seed, plan, violations: observer.violations(), census, history };
  return outcome;
}
