import { useLayoutEffect, useMemo, useRef, useState } from "hono/jsx/dom";
import type { Snapshot } from "../api/answers.ts";
import { Nothing, Panel } from "../parts/panel.tsx";
import { count, rate, share } from "../text/numbers.ts";
import { type Chart, createChart } from "./chart.ts";
import { lastHour, type MinuteCounts, type SeriesName, stacked, totals } from "./columns.ts";
import { MinutesTable } from "./minutes-table.tsx";
import { chartText, minuteText } from "./summary.ts";

interface TrafficPanelProps {
  readonly snapshot: Snapshot | undefined;
  readonly problem: string | undefined;
}

export function TrafficPanel({ snapshot, problem }: TrafficPanelProps) {
  const hour = useMemo(() => snapshot && lastHour(snapshot.minutes, Date.parse(snapshot.at)), [snapshot]);
  return (
    <Panel id="traffic" title="Traffic" note="requests by minute, last hour">
      {hour ? <Hour hour={hour} /> : <Nothing failure={problem} />}
    </Panel>
  );
}

function Hour({ hour }: { readonly hour: readonly MinuteCounts[] }) {
  const { unlimited, denied, ...limited } = totals(hour);
  const all = limited.allowed + limited.refused + limited.degraded + limited.unavailable;
  const previous = hour.at(-2);
  return (
    <>
      <dl class="totals">
        <Total name="allowed" label="Allowed" sum={limited.allowed} all={all} last={previous} />
        <Total name="refused" label="Refused" sum={limited.refused} all={all} last={previous} />
        <Total name="degraded" label="Degraded" sum={limited.degraded} all={all} last={previous} />
        {limited.unavailable > 0 && (
          <Total
            name="unavailable"
            label="Answered 503"
            sum={limited.unavailable}
            all={all}
            last={previous}
          />
        )}
      </dl>
      <Bars hour={hour} />
      {all === 0 && <p class="quiet nothing">No request was limited in the last hour.</p>}
      {(unlimited > 0 || denied > 0) && (
        <p class="quiet">
          Not in the chart: {count(unlimited)} that no policy limits, {count(denied)} denied by their address.
        </p>
      )}
      <MinutesTable hour={hour} />
    </>
  );
}

interface TotalProps {
  readonly name: SeriesName;
  readonly label: string;
  readonly sum: number;
  readonly all: number;
  /** The newest minute that is complete. */
  readonly last: MinuteCounts | undefined;
}

const Total = ({ name, label, sum, all, last }: TotalProps) => (
  <div class={sum > 0 ? name : `${name} none`}>
    <dt>
      <i aria-hidden="true" />
      {label}
    </dt>
    <dd>
      <b>{count(sum)}</b> <span class="quiet">{share(sum, all)}</span>
      <small class="quiet" title="In the last complete minute">
        {rate(last?.[name] ?? 0)} / min
      </small>
    </dd>
  </div>
);

/** The chart, and below it the minute that the pointer is over. */
function Bars({ hour }: { readonly hour: readonly MinuteCounts[] }) {
  const parent = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | undefined>(undefined);
  const [column, setColumn] = useState<number | undefined>(undefined);
  useLayoutEffect(() => {
    if (!parent.current) return;
    chart.current = createChart(parent.current, setColumn);
    return chart.current.remove;
  }, []);
  useLayoutEffect(() => chart.current?.show(stacked(hour)), [hour]);
  const pointed = column === undefined ? undefined : hour[column];
  return (
    <>
      <div class="chart" ref={parent} role="img" aria-label={chartText(hour)} />
      <p class="quiet pointed" aria-hidden="true">
        {pointed ? minuteText(pointed) : " "}
      </p>
    </>
  );
}
