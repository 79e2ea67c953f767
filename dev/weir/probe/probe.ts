import { setTimeout as sleep } from "node:timers/promises";
import { type Command, EXIT, readArguments, wholeNumber } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";
import type { Finding } from "./finding.ts";
import { type Probed, runProbe } from "./run-probe.ts";

const ASK_ABOVE = 50;

const HELP = `usage: npm run weir -- probe [options] URL

Checks a running deployment from outside, as one caller: that the rate limit fields parse and agree, that scripts of
other origins can read them, that a burst admits exactly what was left, that refusals are complete and not cached, and
that Retry-After is true. It uses up your own limit at that URL, so choose one whose limit is small.

  --method NAME     default: GET
  --header "N: V"   a header to send; may be repeated
  --max N           never send more requests; default: 1000
  --yes             do not ask before sending more than ${ASK_ABOVE}
  --wait SECONDS    the longest Retry-After to wait for; default: 60
  --json            print one JSON object
  --help            print this

Exit status: 0 nothing wrong, 1 something is wrong, 2 wrong usage or no answer.`;

export const probe: Command = {
  name: "probe",
  summary: "check a running deployment's answers",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = readArguments(args, {
      method: { type: "string", default: "GET" },
      header: { type: "string", multiple: true },
      max: { type: "string", default: "1000" },
      yes: { type: "boolean", default: false },
      wait: { type: "string", default: "60" },
      json: { type: "boolean", default: false },
    });
    const probed = await runProbe(
      {
        target: {
          url: parseUrl(positionals),
          method: values.method.toUpperCase(),
          headers: (values.header ?? []).map(parseHeader),
        },
        askAbove: values.yes ? Number.POSITIVE_INFINITY : ASK_ABOVE,
        maxRequests: wholeNumber("max", values.max, 1, 100_000),
        maxWaitSeconds: wholeNumber("wait", values.wait, 0, 86_400),
      },
      { fetch, now: () => performance.now(), wallClock: Date.now, sleep, confirm: terminal.confirm },
    ).catch((error: unknown) => {
      throw new UsageError(`no answer: ${reasonOf(error)}`);
    });
    if (values.json) terminal.print(JSON.stringify(probed, undefined, 2));
    else terminal.print(findingsText(probed, terminal.style));
    return probed.findings.some(({ outcome }) => outcome === "failed") ? EXIT.found : EXIT.fine;
  },
};

function parseUrl([text, ...more]: readonly string[]): string {
  if (text === undefined || more.length > 0) throw new UsageError("takes one URL");
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.href;
  throw new UsageError(`"${text}" is not an http or https URL`);
}

function parseHeader(text: string): [name: string, value: string] {
  const colon = text.indexOf(":");
  const header: [string, string] = [text.slice(0, Math.max(0, colon)).trim(), text.slice(colon + 1).trim()];
  try {
    new Headers([header]);
    return header;
  } catch {
    throw new UsageError(`--header "${text}" is not like "Name: value"`);
  }
}

/** `fetch failed` alone helps nobody. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}

const MARKS = {
  ok: ["green", "ok     "],
  failed: ["red", "failed "],
  skipped: ["yellow", "skipped"],
} as const;

function findingsText({ requests, findings }: Probed, style: Terminal["style"]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const line = ({ check, outcome, detail }: Finding) => {
    const [colour, mark] = MARKS[outcome];
    return `${style(colour, mark)}  ${check.padEnd(width)}  ${detail}`;
  };
  return [...findings.map(line), "", `${requests} requests sent`].join("\n");
}
