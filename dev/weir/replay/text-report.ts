import type { Terminal } from "../terminal.ts";
import type { Comparison } from "./comparison.ts";
import type { LogSummary, PolicySummary, QuotaSummary, Summary } from "./summary.ts";

type Style = Terminal["style"];

const number = new Intl.NumberFormat("en-US");
const percent = new Intl.NumberFormat("en-US", { style: "percent", maximumSignificantDigits: 2 });

/** What a replay found, for people. */
export function textReport(
  log: LogSummary,
  summaries: readonly Summary[],
  comparison: Comparison | undefined,
  style: Style,
): string {
  return [
    logText(log),
    ...summaries.flatMap((summary) => [
      style(["bold", "underline"], summary.config),
      verdictText(summary),
      policyTable(summary, style),
      ...summary.policies.flatMap((policy) => neededText(policy, style)),
      ...summary.policies.flatMap((policy) => keysText(policy, style)),
      summary.notes.map((note) => `${style("yellow", "note")}  ${note}`).join("\n"),
    ]),
    comparison ? comparisonText(comparison, style) : "",
  ]
    .filter((block) => block !== "")
    .join("\n\n");
}

function logText({ lines, broken, first_broken, late, from, to }: LogSummary): string {
  return [
    `${number.format(lines)} lines${from === null ? "" : `, from ${from} to ${to}`}`,
    ...(late > 0 ? [`${number.format(late)} were out of order by more than --disorder allows`] : []),
    ...(broken > 0 ? [`${number.format(broken)} are no request and were left out, such as`] : []),
    ...first_broken.map(({ file, number: at, reason, text }) => `  ${file}:${at}: ${reason}: ${text}`),
  ].join("\n");
}

function verdictText({ requests, verdicts: { refused, unlimited, denied, own } }: Summary): string {
  const parts = [
    `${number.format(requests)} requests`,
    `${number.format(refused)} refused (${share(refused, requests)})`,
    `${number.format(unlimited)} under no policy`,
    ...(denied > 0 ? [`${number.format(denied)} denied`] : []),
    ...(own > 0 ? [`${number.format(own)} to Weir itself`] : []),
  ];
  return parts.join(", ");
}

function policyTable({ policies }: Summary, style: Style): string {
  const rows = policies.flatMap((policy) => [
    [
      `${policy.name}${policy.mode === "shadow" ? " (shadow)" : ""}`,
      number.format(policy.requests),
      `${number.format(policy.refused)}${policy.locked_out > 0 ? ` (${number.format(policy.locked_out)} locked out)` : ""}`,
      share(policy.refused, policy.requests),
      policy.refused_keys === null ? "very many" : number.format(policy.refused_keys),
    ],
    ...policy.quotas.map((quota) => [
      `  ${label(quota)}`,
      number.format(quota.requests),
      number.format(quota.refused),
      share(quota.refused, quota.requests),
      `of ${quota.sampled ? "about " : ""}${number.format(quota.callers)}`,
    ]),
  ]);
  return table([["policy", "requests", "refused", "share", "keys refused"], ...rows], style);
}

const label = ({ text, row }: QuotaSummary): string => (row === null ? text : `${text} [${row}]`);

function neededText({ name, quotas }: PolicySummary, style: Style): string[] {
  const known = quotas.filter(({ needed }) => needed !== null);
  const shares = known[0]?.needed?.map((one) => `at most ${percent.format(one.share)}`);
  if (!shares) return [];
  const rows = known.flatMap((quota) => [
    [`${label(quota)}: of callers`, ...(quota.needed ?? []).map(({ callers }) => number.format(callers))],
    ["  of requests", ...(quota.needed ?? []).map(({ requests }) => range(requests))],
  ]);
  return [
    `${style("bold", name)}: what the limit would have to be to refuse\n${table([["", ...shares], ...rows], style)}`,
  ];
}

function range({ atLeast, atMost }: { atLeast: number; atMost: number }): string {
  if (atLeast === atMost) return number.format(atMost);
  return atLeast <= 1
    ? `≤ ${number.format(atMost)}`
    : `${number.format(atLeast)} to ${number.format(atMost)}`;
}

function keysText({ name, most_refused }: PolicySummary, style: Style): string[] {
  if (most_refused.length === 0) return [];
  const rows = most_refused.map(({ key, refused, error }) => [
    cut(key),
    `${number.format(refused)}${error > 0 ? ` (or up to ${number.format(error)} fewer)` : ""}`,
  ]);
  return [
    `${style("bold", name)}: refused most, as they stand in your log\n${table([["key", "refused"], ...rows], style)}`,
  ];
}

const cut = (text: string): string => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

function comparisonText({ both, onlyFirst, onlySecond, neither, names }: Comparison, style: Style): string {
  const rows = [
    ["refused by both", number.format(both)],
    [`refused only by ${names[0]}`, number.format(onlyFirst)],
    [`refused only by ${names[1]}`, number.format(onlySecond)],
    ["refused by neither", number.format(neither)],
  ];
  return `${style("bold", "Comparison")}\n${table([["", "requests"], ...rows], style)}`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? "-" : percent.format(part / whole);
}

/** Columns as wide as they must be: the first to the left, numbers to the right. */
function table([head = [], ...rows]: readonly (readonly string[])[], style: Style): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => (row[i] ?? "").length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [style("dim", line(head)), ...rows.map(line)].map((text) => `  ${text}`).join("\n");
}
