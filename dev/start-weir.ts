import { setTimeout as sleep } from "node:timers/promises";
import { startDemoOrigin } from "./demo-origin.ts";
import { type GreetingFacts, greeting } from "./greeting.ts";
import { isListening, whyPortIsClosed } from "./ports.ts";
import { parseStartSettings } from "./start-settings.ts";
import { startWranglerDev, type WranglerDev } from "./wrangler-dev.ts";
import { plainFailure } from "./wrangler-failure.ts";

const READY_WITHIN_MS = 60_000;
const POLL_MS = 200;
// How long wrangler may recover from an error that it printed, before we take it for the reason of not starting.
const ERROR_GRACE_MS = 5_000;
// Wrangler logs our own question a moment after it answered it.
const LOG_DELAY_MS = 150;

// A machine has no jurisdictions, and the local runtime refuses to start with one.
const ON_THIS_MACHINE = { JURISDICTION: "" };

// Who stops the demo while sockets are open, and starts it again, finds their places taken until they expire.
const DEMO_SLOTS = { SLOT_RENEW: "3s", SLOT_EXPIRY: "10s" };

export type StartOptions = {
  env: NodeJS.ProcessEnv;
  /** Resolves when the user wants everything to end. */
  interrupted: Promise<void>;
  /** How the user started it, for messages that say what to type. */
  command?: string;
  /** More to try once it runs, as in the greeting. */
  more?: GreetingFacts["more"];
  /** Another wrangler.toml than the project's own, for tests. */
  configPath?: string;
};

/** Runs Weir with `wrangler dev` until it is interrupted or ends; the value is the exit code. */
export async function startWeir(options: StartOptions): Promise<number> {
  const { env, interrupted, command = "npm start", more = [], configPath } = options;
  const settings = parseStartSettings(env);
  if (!settings.ok) return fail(settings.problem);
  const { port, origin } = settings.value;
  const closed = await whyPortIsClosed(port);
  if (closed !== undefined) return fail(closedPort(port, closed, command));
  if (origin !== undefined && !(await isListening(new URL(origin)))) {
    console.warn(`Nothing listens at ${new URL(origin).origin} yet: until it does, requests get an error.`);
  }

  const demo = origin === undefined ? await startDemoOrigin() : undefined;
  console.log("Starting Weir ...");
  const variables = {
    ...(demo && slotsFor(settings.value.variables)),
    ...settings.value.variables,
    ...ON_THIS_MACHINE,
    ORIGIN: demo?.url ?? origin ?? "",
  };
  const wrangler = startWranglerDev({ port, variables, configPath });
  try {
    const facts = {
      url: wrangler.url,
      origin,
      policiesFromEnvironment: "POLICIES" in settings.value.variables,
      command,
      more,
    };
    return await run(wrangler, interrupted, facts);
  } finally {
    await wrangler.stop();
    await demo?.close();
  }
}

// One of the two from here and the other from the user might not fit together.
function slotsFor(variables: Record<string, string>): Record<string, string> {
  return Object.keys(DEMO_SLOTS).some((name) => name in variables) ? {} : DEMO_SLOTS;
}

async function run(wrangler: WranglerDev, interrupted: Promise<void>, facts: GreetingFacts) {
  const first = await firstOutcome(wrangler, interrupted);
  if (first === "interrupted") return 0;
  if (first !== "ready") {
    console.error(plainFailure(wrangler.stderr.text()));
    return fail("Weir did not start.");
  }

  await sleep(LOG_DELAY_MS);
  // Warnings from the start, such as the linter's, are worth reading; the rest is wrangler's own business.
  const warnings = wrangler.stderr.text().trim();
  if (warnings !== "") console.warn(warnings);
  console.log(greeting(facts));
  wrangler.stdout.passThrough();
  wrangler.stderr.passThrough();
  const code = await Promise.race([wrangler.exited, interrupted]);
  return code === undefined ? 0 : fail(`wrangler dev ended by itself, with code ${code}.`);
}

type Outcome = "ready" | "ended" | "stuck" | "interrupted";

async function firstOutcome(wrangler: WranglerDev, interrupted: Promise<void>): Promise<Outcome> {
  const settled = new AbortController();
  const patience = AbortSignal.any([settled.signal, AbortSignal.timeout(READY_WITHIN_MS)]);
  const outcomes: Promise<Outcome>[] = [
    interrupted.then(() => "interrupted"),
    wrangler.exited.then(() => "ended"),
    wrangler.ready(patience).then(
      () => "ready",
      () => "stuck",
    ),
    untilErrorStands(wrangler, settled.signal).then(() => "stuck"),
  ];
  try {
    return await Promise.race(outcomes);
  } finally {
    settled.abort();
  }
}

// Wrangler may keep running after a Worker that throws at its start, waiting for its files to change.
async function untilErrorStands(wrangler: WranglerDev, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !wrangler.stderr.text().includes("[ERROR]")) await sleep(POLL_MS);
  await sleep(ERROR_GRACE_MS, undefined, { ref: false });
}

function closedPort(port: number, code: string, command: string): string {
  if (code === "EADDRINUSE")
    return `Port ${port} is in use: choose another one, such as PORT=${port + 1} ${command}.`;
  return `Port ${port} cannot be listened on (${code}): choose another one, such as PORT=8787 ${command}.`;
}

function fail(problem: string): number {
  console.error(problem);
  return 1;
}
