import uPlot from "uplot";
import { minuteOfDay } from "../text/durations.ts";
import { compact } from "../text/numbers.ts";
import { SERIES } from "./columns.ts";

const MINUTE_SECONDS = 60;
/** So that a single request in a quiet hour does not look like a storm. */
const LOWEST_TOP = 5;
const BAR_SHARE = 0.8;
const WIDEST_BAR_PX = 24;

export interface Chart {
  /** `stacked` of the columns. */
  show(data: readonly number[][]): void;
  remove(): void;
}

/**
 * Stacked bars in the colours of the page's style, as wide as their parent.
 *
 * @param onMinute told the column that the pointer is over; undefined when it leaves
 */
export function createChart(parent: HTMLElement, onMinute: (column: number | undefined) => void): Chart {
  const colour = (name: string) => () => getComputedStyle(parent).getPropertyValue(`--${name}`).trim();
  const size = () => ({ width: parent.clientWidth, height: parent.clientHeight });
  const axis: uPlot.Axis = {
    stroke: colour("soft"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const plot = new uPlot(
    {
      ...size(),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      padding: [8, 20, 0, 0],
      scales: {
        x: { time: true, range: (_, min, max) => [min, max + MINUTE_SECONDS] },
        y: { range: (_, __, max) => [0, Math.max(LOWEST_TOP, max * 1.05)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          values: (_, at) => at.map((s) => minuteOfDay(s * 1_000)),
        },
        { ...axis, size: 44, space: 36, incrs: WHOLE_STEPS, values: (_, at) => at.map(compact) },
      ],
      // The tallest part is drawn first, each lower one over it.
      series: [
        {},
        ...SERIES.toReversed().map((name) => ({
          fill: colour(name),
          width: 0,
          points: { show: false },
          ...(bars && { paths: bars }),
        })),
      ],
      hooks: { setCursor: [({ cursor }) => onMinute(cursor.idx ?? undefined)] },
    },
    undefined,
    parent,
  );
  const resized = new ResizeObserver(() => plot.setSize(size()));
  resized.observe(parent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => plot.redraw(false, true);
  dark.addEventListener("change", repaint);
  return {
    show([at = [], ...heights]) {
      plot.setData([at, ...heights.toReversed()]);
    },
    remove() {
      resized.disconnect();
      dark.removeEventListener("change", repaint);
      plot.destroy();
    },
  };
}

const bars = uPlot.paths.bars?.({ size: [BAR_SHARE, WIDEST_BAR_PX], align: 1, gap: 1 });

/** Nobody sends half a request. */
const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();
