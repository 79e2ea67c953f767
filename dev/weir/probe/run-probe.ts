import { type Answer, quotasOf, tightest } from "./answer.ts";
import { BEYOND, checkBurst } from "./burst.ts";
import { createDeployment, type Deployment, type Target, type World } from "./deployment.ts";
import { checkExposure, checkFields, checkLegacy } from "./field-checks.ts";
import { type Finding, failed, passed, skipped, verdict } from "./finding.ts";
import { checkRefusal, retryAfterOf } from "./refusal-checks.ts";

export interface ProbeOptions {
  readonly target: Target;
  /** More requests than this are sent only when somebody agrees. */
  readonly askAbove: number;
  /** More are never sent. */
  readonly maxRequests: number;
  /** The longest Retry-After that is waited for, seconds. */
  readonly maxWaitSeconds: number;
}

export interface Probed {
  readonly requests: number;
  readonly findings: readonly Finding[];
}

/** Asks a deployment as a client would, up to its limit and a little beyond, and checks what it answers. */
export async function runProbe(options: ProbeOptions, world: World): Promise<Probed> {
  const deployment = createDeployment(options.target, world);
  const findings: Finding[] = [];
  const first = await deployment.ask();
  findings.push(checkFields(first), checkLegacy(first, world.wallClock()), checkExposure(first));
  const refused = first.status === 429 ? first : await burst(first, deployment, findings, options, world);
  if (refused) {
    findings.push(...checkRefusal(refused));
    findings.push(await checkHonesty(refused, deployment, options, world));
  }
  return { requests: deployment.asked, findings };
}

/** A refusal, if the burst brought one about. */
async function burst(
  before: Answer,
  deployment: Deployment,
  findings: Finding[],
  options: ProbeOptions,
  world: World,
): Promise<Answer | undefined> {
  const quota = findings[0]?.outcome === "ok" ? tightest(quotasOf(before)) : undefined;
  if (!quota) {
    findings.push(skipped("concurrency", "without RateLimit nobody knows what is left"));
    return undefined;
  }
  const count = quota.remaining + BEYOND;
  const reason = await reasonNotTo(count, deployment.asked, options, world);
  if (reason !== undefined) {
    findings.push(skipped("concurrency", reason));
    return undefined;
  }
  const answers = await Promise.all(Array.from({ length: count }, () => deployment.ask()));
  findings.push(checkBurst(quota, answers));
  return answers
    .filter(({ status }) => status === 429)
    .toSorted((one, other) => other.sentMs - one.sentMs)[0];
}

/** Two more may be sent to see whether Retry-After is true. */
const AFTERWARDS = 2;

async function reasonNotTo(
  count: number,
  asked: number,
  { askAbove, maxRequests }: ProbeOptions,
  { confirm }: World,
): Promise<string | undefined> {
  const total = asked + count + AFTERWARDS;
  if (total > maxRequests) return `it takes ${total} requests, and --max is ${maxRequests}`;
  if (total <= askAbove) return undefined;
  const answer = await confirm(`Sending ${count} requests at once to see whether the limit holds. Go on?`);
  if (answer === undefined) return `it takes ${total} requests; --yes allows more than ${askAbove}`;
  return answer ? undefined : "you said no";
}

/** Waits the refusal out: refused a second before, admitted then. */
async function checkHonesty(
  refused: Answer,
  deployment: Deployment,
  { maxWaitSeconds }: ProbeOptions,
  { now, sleep }: World,
): Promise<Finding> {
  const check = "Retry-After is honest";
  const seconds = retryAfterOf(refused);
  if (seconds === undefined) return skipped(check, "there is none");
  if (seconds > maxWaitSeconds) return skipped(check, `${seconds} s is longer than --wait ${maxWaitSeconds}`);
  const until = (ms: number) => sleep(Math.max(0, ms - now()));
  let early: Answer | undefined;
  if (seconds > 1) {
    // By the server's clock the refusal was after it was sent, so a second less than that is surely too early.
    await until(refused.sentMs + (seconds - 1) * 1_000 - EARLIER_MS);
    early = await deployment.ask();
  }
  await until(refused.answeredMs + seconds * 1_000);
  const late = await deployment.ask();
  if (early && early.status !== 429)
    return failed(check, `admitted more than a second before its ${seconds} s were over`);
  return late.status === 429
    ? failed(check, `refused again after ${seconds} s (or somebody else called from here)`)
    : early
      ? passed(check, `refused after ${seconds - 1} s, admitted after ${seconds} s`)
      : verdict(check, [], `admitted after ${seconds} s`);
}

const EARLIER_MS = 100;
