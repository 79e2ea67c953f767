import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { PASSED, REFUSED, type Replayer } from "./replayer.ts";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 1_100;
const HEIGHT = 260;

/** One configuration's replay under its name. */
export interface Plotted {
  readonly name: string;
  readonly replayer: Replayer;
}

/** Requests per second over time, passed and refused, and below what each policy refused: one panel for each configuration. */
export function plotSvg(plotted: readonly Plotted[]): string {
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: HEIGHT * plotted.length + 40,
  });
  chart.setOption({
    animation: false,
    backgroundColor: "#fff",
    textStyle: { fontFamily: "sans-serif" },
    useUTC: true,
    title: plotted.map(({ name }, i) => ({
      text: `${name}: requests per second (UTC)`,
      left: 60,
      top: top(i) - 44,
      textStyle: { fontSize: 14 },
    })),
    legend: plotted.map(({ replayer }, i) => ({
      data: linesOf(replayer).map(({ series }) => `${series}${"\u200b".repeat(i)}`),
      right: 40,
      top: top(i) - 44,
      type: "scroll",
      width: "55%",
    })),
    grid: plotted.map((_, i) => ({ left: 60, right: 40, top: top(i), height: HEIGHT - 90 })),
    xAxis: plotted.map((_, i) => ({ type: "time", gridIndex: i })),
    yAxis: plotted.map((_, i) => ({ type: "value", gridIndex: i, min: 0 })),
    series: plotted.flatMap(({ replayer }, i) => seriesOf(replayer, i)),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

const top = (index: number): number => 60 + index * HEIGHT;

function linesOf({ tallies }: Replayer): { series: string; isArea: boolean }[] {
  const policies = tallies.policies.filter(({ refused }) => refused > 0);
  return [
    { series: PASSED, isArea: true },
    { series: REFUSED, isArea: true },
    // With one, its refusals are all there are.
    ...(policies.length > 1 ? policies.map(({ policy }) => ({ series: policy.name, isArea: false })) : []),
  ];
}

const COLOURS: Readonly<Record<string, string>> = { [PASSED]: "#3b7dd8", [REFUSED]: "#d64545" };

/** A name is unique in a chart: panels are told apart by what nobody sees. */
function seriesOf(replayer: Replayer, panel: number) {
  const { timeline } = replayer;
  const seconds = timeline.bucketMs / 1_000;
  return linesOf(replayer).map(({ series, isArea }) => ({
    type: "line" as const,
    name: `${series}${"\u200b".repeat(panel)}`,
    xAxisIndex: panel,
    yAxisIndex: panel,
    showSymbol: false,
    lineStyle: { width: isArea ? 1 : 1.5, type: isArea ? ("solid" as const) : ("dashed" as const) },
    ...(isArea && { areaStyle: { opacity: 0.35 }, color: COLOURS[series] }),
    data: timeline.points(series).map(({ timeMs, count }) => [timeMs, count / seconds]),
  }));
}
