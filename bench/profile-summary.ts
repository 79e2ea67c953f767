import type { CpuProfile, ProfileNode } from "./profiler.ts";

/** A function of the Worker's own script, with what it took. */
export interface FunctionCost {
  /** The function and where it stands: `take  src/limit/take.ts`. */
  readonly name: string;
  /** Share of the busy time spent in it, with what it called of the platform; from 0 to 1. */
  readonly self: number;
  /** The same with everything that it called. */
  readonly total: number;
}

export interface ProfileSummary {
  /** Microseconds that the isolate was busy in JavaScript. */
  readonly busyUs: number;
  readonly functions: readonly FunctionCost[];
  /** Self time by source file, greatest first. */
  readonly files: readonly { readonly file: string; readonly self: number }[];
  /** Functions of the platform by who called them, greatest first: `fetch < src/http/proxy.ts`. */
  readonly platform: readonly { readonly name: string; readonly self: number }[];
}

/** Not of the Worker: waiting, and what the process did outside of JavaScript. */
const OUTSIDE = new Set(["(idle)", "(program)", "(root)"]);
const MODULE_COMMENT = /^\/\/ ((?:src|bench|node_modules|\.\.).*\.[cm]?[jt]s)$/;

/**
 * Where a profile's time went. `script` is the bundle that ran, not minified: each module begins with a comment that
 * names its file.
 */
export function summarize(profile: CpuProfile, script: string): ProfileSummary {
  const files = filesOfLines(script);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  const platform = new Map<string, number>();
  const byFile = new Map<string, number>();
  let busyUs = 0;
  for (const [i, sample] of profile.samples.entries()) {
    const stack = stackOf(sample, nodes, parents);
    const top = stack[0];
    const us = profile.timeDeltas[i] ?? 0;
    if (!top || OUTSIDE.has(top.callFrame.functionName)) continue;
    busyUs += us;
    const own = stack.filter((node) => fileOf(node, files) !== undefined).map((node) => nameOf(node, files));
    const file =
      stack.map((node) => fileOf(node, files)).find((found) => found !== undefined) ?? "the platform";
    add(byFile, file, us);
    add(self, own[0] ?? platformName(top), us);
    for (const name of new Set(own)) add(total, name, us);
    if (fileOf(top, files) === undefined)
      add(platform, `${platformName(top)} < ${own[0] ?? "the platform"}`, us);
  }
  const shares = (map: Map<string, number>) =>
    [...map]
      .map(([name, us]) => ({ name, self: us / busyUs }))
      .toSorted((one, other) => other.self - one.self);
  return {
    busyUs,
    functions: [...new Set([...self.keys(), ...total.keys()])]
      .map((name) => ({
        name,
        self: (self.get(name) ?? 0) / busyUs,
        total: (total.get(name) ?? self.get(name) ?? 0) / busyUs,
      }))
      .toSorted((one, other) => other.self - one.self),
    files: shares(byFile).map(({ name, self }) => ({ file: name, self })),
    platform: shares(platform),
  };
}

/** The file of each line of a bundle, from line 0. */
function filesOfLines(script: string): readonly string[] {
  let file = "";
  return script.split("\n").map((line) => {
    file = MODULE_COMMENT.exec(line)?.[1]?.replace(/^.*node_modules\//, "") ?? file;
    return file;
  });
}

function stackOf(id: number, nodes: ReadonlyMap<number, ProfileNode>, parents: ReadonlyMap<number, number>) {
  const stack: ProfileNode[] = [];
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const node = nodes.get(at);
    if (node) stack.push(node);
  }
  return stack;
}

/** Undefined for what is not of the script: the platform's own functions. */
function fileOf({ callFrame }: ProfileNode, files: readonly string[]): string | undefined {
  return callFrame.url.endsWith("index.js") && callFrame.lineNumber >= 0
    ? files[callFrame.lineNumber]
    : undefined;
}

function nameOf(node: ProfileNode, files: readonly string[]): string {
  const { functionName, lineNumber } = node.callFrame;
  return `${functionName || "(anonymous)"}  ${fileOf(node, files)}:${lineNumber + 1}`;
}

const platformName = ({ callFrame }: ProfileNode): string => callFrame.functionName || "(native)";

function add(map: Map<string, number>, name: string, us: number): void {
  map.set(name, (map.get(name) ?? 0) + us);
}
