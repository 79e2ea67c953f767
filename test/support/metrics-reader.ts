/** A Worker beside Weir that asks Weir's metrics objects what they know, and answers with the sum as JSON. */
export const METRICS_READER = `
export default {
  async fetch(request, { METRICS }) {
    const objects = Array.from({ length: 16 }, (_, i) => METRICS.getByName("weir:metrics:" + i));
    const reports = await Promise.all(objects.map((object) => object.read()));
    const counts = {};
    for (const report of reports)
      for (const [series, n] of report.counts) counts[series] = (counts[series] ?? 0) + n;
    const keys = reports.flatMap((report) => [...report.keys].flatMap(([, digests]) => [...digests.keys()]));
    const sockets = reports.reduce((sum, report) => sum + report.gauges.sockets, 0);
    return Response.json({ counts, keys, sockets });
  },
};
`;

/** What a Worker's metrics objects know. */
export interface ReadMetrics {
  /** By series. */
  readonly counts: Readonly<Record<string, number>>;
  /** Digests of the keys refused most. */
  readonly keys: readonly string[];
  readonly sockets: number;
}

/** What the metrics objects know, once it is what is expected: after a flush. */
export async function untilMetrics(
  weir: { readMetrics(): Promise<ReadMetrics> },
  isThere: (metrics: ReadMetrics) => boolean,
): Promise<ReadMetrics> {
  const untilMs = performance.now() + 20_000;
  for (;;) {
    const metrics = await weir.readMetrics();
    if (isThere(metrics) || performance.now() > untilMs) return metrics;
    await new Promise((wake) => setTimeout(wake, 200));
  }
}
