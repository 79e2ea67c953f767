import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as echarts from "echarts";
import type { Measured } from "./meter.ts";
import { PLATFORM, SCENARIO } from "./scenario.ts";

/** A way to limit, by its name in tables and plots. */
export interface Run {
  readonly name: string;
  readonly measured: Measured;
}

const SIZE = { width: 900, height: 380 };
/** Apart from one another for eyes that mix up red and green, too. */
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#999999"];

interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly isLog?: boolean;
  readonly lines: readonly {
    readonly name: string;
    readonly points: readonly (readonly [number, number])[];
  }[];
  readonly mark: { readonly name: string; readonly at: number };
}

/** Writes the plots as SVG files into a folder. Returns their paths. */
export function writePlots(runs: readonly Run[], folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  const plots = {
    "trailing-minute": trailingMinute(runs),
    "store-calls": storeCalls(runs),
    added: added(runs),
  };
  return Object.entries(plots).map(([name, plot]) => {
    const path = join(folder, `${name}.svg`);
    writeFileSync(path, svgOf(plot));
    return path;
  });
}

function trailingMinute(runs: readonly Run[]): Plot {
  const windowSeconds = SCENARIO.windowMs / 1_000;
  const lines = runs.map(({ name, measured: { admitted } }) => ({
    name,
    points: admitted.map((_, second): [number, number] => {
      const inWindow = admitted.slice(Math.max(0, second - windowSeconds + 1), second + 1);
      return [second, inWindow.reduce((sum, one) => sum + one, 0)];
    }),
  }));
  const mark = { name: "limit", at: SCENARIO.limit };
  return { title: "Let through in the last minute", x: "seconds", y: "requests", lines, mark };
}

function storeCalls(runs: readonly Run[]): Plot {
  const lines = runs.map(({ name, measured: { calls } }) => ({
    name,
    points: calls.flatMap((times, second): [number, number][] => (times > 0 ? [[second, times]] : [])),
  }));
  const mark = { name: "what an object answers", at: PLATFORM.callsPerSecond };
  return { title: "Calls at the key's object", x: "seconds", y: "calls a second", isLog: true, lines, mark };
}

/** How many decisions took longer than so many milliseconds. */
function added(runs: readonly Run[]): Plot {
  const lines = runs.map(({ name, measured: { addedMs } }) => {
    const all = addedMs.reduce((sum, one) => sum + one, 0);
    let left = all;
    const points = addedMs.flatMap((times, ms): [number, number][] => {
      left -= times;
      return ms <= 1_000 && left > 0 ? [[ms, (100 * left) / all]] : [];
    });
    return { name, points };
  });
  const mark = { name: "1 in 100", at: 1 };
  const [x, y] = ["milliseconds added", "% of decisions that took longer"];
  return { title: "What deciding adds to a request", x, y, isLog: true, lines, mark };
}

function svgOf({ title, x, y, isLog = false, lines, mark }: Plot): string {
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  const axis = { nameLocation: "middle" as const, splitLine: { lineStyle: { color: "#e5e5e5" } } };
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: COLORS,
    title: { text: title, left: "center" },
    legend: { bottom: 0 },
    grid: { left: 90, right: 40, top: 50, bottom: 80 },
    xAxis: { ...axis, type: "value", name: x, nameGap: 28 },
    yAxis: { ...axis, type: isLog ? "log" : "value", name: y, nameGap: 65 },
    series: lines.map(({ name, points }, i) => ({
      type: "line",
      name,
      data: points,
      showSymbol: false,
      ...(i === 0 && { markLine: markAt(mark) }),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const markAt = ({ name, at }: Plot["mark"]) => ({
  silent: true,
  symbol: "none",
  lineStyle: { color: "#333333", type: "dashed" as const },
  label: { formatter: name, position: "insideEndTop" as const },
  data: [{ yAxis: at }],
});
