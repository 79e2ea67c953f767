import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { EXPOSITION_TYPE, exposition } from "../../src/metrics/exposition.ts";
import { snapshotOf } from "../../src/metrics/snapshot.ts";
import { promtool } from "../support/promtool.ts";

const DOCS = resolve(import.meta.dirname, "../../docs");
const doc = (name: string) => readFileSync(join(DOCS, name), "utf8");
const folder = mkdtempSync(join(tmpdir(), "weir-promtool-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Metrics with something in each of them. */
const text = exposition(
  {
    ...snapshotOf([], 0),
    connections: 3,
    totals: {
      "requests api refused": 2,
      "degraded api local": 4,
      "store_errors upstash timeout": 5,
      "store_ms 5": 10,
      "store_ms Infinity": 1,
      "store_ms sum": 2_042,
      'near_limit "quoted"\\\n': 1,
    },
  },
  ["api", "chat-user"],
);
/** Metrics by name, with their type. */
const metrics = new Map(
  [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type]) => [name, type]),
);
const isMetric = (name: string) =>
  metrics.has(name) || metrics.get(name.replace(/_bucket$/, "")) === "histogram";
const metricsIn = (expr: string): string[] => expr.match(/\brate_limit_\w+/g) ?? [];

describe("the metrics", () => {
  it("pass promtool", () => {
    expect(promtool(["check", "metrics"], text)).toEqual({ ok: true, output: "" });
  });

  it("pass promtool before anything was counted", () => {
    expect(promtool(["check", "metrics"], exposition(snapshotOf([], 0), []))).toEqual({
      ok: true,
      output: "",
    });
  });

  it("are each described in docs/monitoring.md, with their labels", () => {
    const rows = doc("monitoring.md").matchAll(/^\| `(rate_limit_\w+)(?:\{([^}]*)\})?`/gm);
    const described = [...rows].map(([, name = "", labels = ""]) => [name, labels]);
    expect(described.map(([name]) => name).toSorted()).toEqual([...metrics.keys()].toSorted());
    for (const [name, labels] of described) {
      const sample = new RegExp(`^${name}\\{([^\n]*)\\} `, "m").exec(text)?.[1] ?? "";
      const shown = [...sample.matchAll(/(\w+)=/g)].map(([, label]) => label);
      expect([name, labels?.match(/\w+(?==|,|$)/g) ?? []]).toEqual([name, shown]);
    }
  });

  it("are sent under a content type that says their format", () => {
    expect(EXPOSITION_TYPE).toBe("text/plain; version=0.0.4; charset=utf-8");
  });
});

describe("docs/alerts.yml", () => {
  it("passes promtool: three rules, over metrics that there are", () => {
    const { ok, output } = promtool(["check", "rules", join(DOCS, "alerts.yml")]);
    expect(output).toContain("SUCCESS: 3 rules found");
    expect(ok).toBe(true);
    expect(metricsIn(doc("alerts.yml")).filter((name) => !isMetric(name))).toEqual([]);
  });

  const steady = (series: string, perMinute: number) => ({ series, values: `0+${perMinute}x60` });
  const healthy = [
    steady('rate_limit_answers_total{answer="allowed"}', 600),
    steady('rate_limit_requests_total{policy="api",decision="allowed"}', 600),
    steady('rate_limit_requests_total{policy="api",decision="refused"}', 6),
    steady('rate_limit_degraded_total{policy="api",step="local"}', 0),
    steady("rate_limit_metrics_dropped_total", 0),
  ];

  /** Which alerts fire after half an hour. */
  function firing(
    series: readonly { series: string; values: string }[],
    alerts: Readonly<Record<string, object[]>>,
  ) {
    const names = ["WeirStoreFailing", "WeirRefusalShareHigh", "WeirMetricsMissing"];
    const expected = names.map((alertname) => ({
      eval_time: "30m",
      alertname,
      exp_alerts: (alerts[alertname] ?? []).map((exp_labels) => ({ exp_labels })),
    }));
    // Annotations are not compared.
    const rules = written("rules.yml", doc("alerts.yml").replace(/^ +annotations:\n(?: {10}.*\n)+/gm, ""));
    const test = { interval: "1m", input_series: series, alert_rule_test: expected };
    const file = { rule_files: [rules], evaluation_interval: "1m", tests: [test] };
    return promtool(["test", "rules", written("test.yml", JSON.stringify(file))]);
  }

  it.each([
    ["nothing while all is well", healthy, {}],
    [
      "WeirStoreFailing while the failure ladder decides",
      [
        ...healthy.slice(0, 3),
        steady('rate_limit_degraded_total{policy="api",step="local"}', 60),
        ...healthy.slice(4),
      ],
      { WeirStoreFailing: [{ severity: "critical", policy: "api", step: "local" }] },
    ],
    [
      "nothing when one of a thousand store calls takes too long",
      [
        ...healthy.slice(0, 3),
        steady('rate_limit_degraded_total{policy="api",step="local"}', 1),
        ...healthy.slice(4),
      ],
      {},
    ],
    [
      "nothing when the only request for minutes met a slow store",
      [
        ...healthy.slice(0, 3),
        { series: 'rate_limit_degraded_total{policy="night",step="local"}', values: "0x27 1x32" },
        { series: 'rate_limit_requests_total{policy="night",decision="degraded"}', values: "0x27 1x32" },
        ...healthy.slice(4),
      ],
      {},
    ],
    [
      "WeirRefusalShareHigh when a quarter is refused",
      [
        ...healthy,
        steady('rate_limit_requests_total{policy="login",decision="refused"}', 30),
        steady('rate_limit_requests_total{policy="login",decision="allowed"}', 90),
      ],
      { WeirRefusalShareHigh: [{ severity: "warning", policy: "login" }] },
    ],
    [
      "nothing when a few of very few are refused",
      [...healthy, steady('rate_limit_requests_total{policy="login",decision="refused"}', 5)],
      {},
    ],
    [
      "WeirMetricsMissing when nothing can be scraped",
      healthy.slice(1),
      { WeirMetricsMissing: [{ severity: "warning" }] },
    ],
    [
      "WeirMetricsMissing when counts were given up",
      [...healthy.slice(0, 4), steady("rate_limit_metrics_dropped_total", 1)],
      { WeirMetricsMissing: [{ severity: "warning" }] },
    ],
  ])("fires %s", (_, series, alerts) => {
    const { ok, output } = firing(series, alerts);
    expect(output).toContain("SUCCESS");
    expect(ok).toBe(true);
  });
});

describe("docs/grafana-dashboard.json", () => {
  interface Panel {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }
  const dashboard = JSON.parse(doc("grafana-dashboard.json")) as {
    panels: readonly Panel[];
    templating: { list: readonly { name: string; query: string }[] };
  };
  const targets = dashboard.panels.flatMap(({ targets: own }) => own);

  it("asks Prometheus in expressions that it can read", () => {
    const rules = targets.map(({ expr }, i) => ({
      record: `panel:${i}`,
      expr: expr.replaceAll("$__rate_interval", "5m"),
    }));
    const file = written("panels.yml", JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { ok, output } = promtool(["check", "rules", file]);
    expect(output).toContain(`SUCCESS: ${targets.length} rules found`);
    expect(ok).toBe(true);
  });

  it("asks for metrics and labels that there are, and shows every metric but the one that is for alerts", () => {
    const asked = targets.flatMap(({ expr }) => metricsIn(expr));
    const queries = dashboard.templating.list.flatMap(({ query }) => metricsIn(query));
    expect([...asked, ...queries].filter((name) => !isMetric(name))).toEqual([]);
    const shown = new Set(asked.map((name) => name.replace(/_bucket$/, "")));
    expect([...metrics.keys()].filter((name) => !shown.has(name))).toEqual([
      "rate_limit_metrics_dropped_total",
    ]);
    const labels = new Set([...text.matchAll(/[{,](\w+)=/g)].map(([, label]) => label));
    const used = targets.flatMap(({ expr, legendFormat }) => [
      ...expr.matchAll(/(\w+)=~?"/g),
      ...legendFormat.matchAll(/\{\{(\w+)\}\}/g),
    ]);
    expect(used.map(([, label]) => label).filter((label) => !labels.has(label))).toEqual([]);
  });

  it("has panels with names of their own that do not overlap", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});
