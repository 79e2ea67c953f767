import type { Problem } from "../../../src/config/problem.ts";
import type { Advice } from "../lint/advice.ts";
import type { Terminal } from "../terminal.ts";

/** What was found in a configuration. */
export interface Findings {
  readonly file: string;
  /** How many there are; 0 when mistakes keep them from being known. */
  readonly policies: number;
  readonly problems: readonly Problem[];
  readonly advice: readonly Advice[];
}

/** The findings for people: what, why and what to do, mistakes first. */
export function findingsText(
  { file, policies, problems, advice }: Findings,
  style: Terminal["style"],
): string {
  const label = { error: style(["red", "bold"], "error"), advice: style(["yellow", "bold"], "advice") };
  const blocks = [
    ...problems.map(({ path, message }) => [`${label.error}  ${style("bold", path)}`, `        ${message}`]),
    ...advice.map(({ path, policy, rule, what, why, fix }) => [
      `${label.advice} ${style("bold", path)}${policy ? ` (${policy})` : ""}  ${style("dim", rule)}`,
      `        ${what}`,
      `        ${style("dim", "why:")} ${why}`,
      `        ${style("dim", "do: ")} ${fix}`,
    ]),
  ];
  const counted = problems.length > 0 ? "" : `${count(policies, "policy", "policies")}, `;
  const summary = `${file}: ${counted}${count(problems.length, "mistake")}, ${count(advice.length, "piece of advice", "pieces of advice")}`;
  return [...blocks.map((lines) => lines.join("\n")), summary].join("\n\n");
}

const count = (number: number, one: string, many = `${one}s`): string =>
  `${number === 0 ? "no" : number} ${number === 1 ? one : many}`;
