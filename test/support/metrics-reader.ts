/** What a Worker has counted, as its own routes tell. */
export interface Counted {
  /** By series: `requests chat-user allowed`. Those that are 0 are left out. */
  readonly counts: Readonly<Record<string, number>>;
  /** Digests of the keys refused most. */
  readonly keys: readonly string[];
  readonly sockets: number;
}

/** Asks `/_weir/metrics` and `/_weir/snapshot`, from an address that sends nothing else. */
export async function readMetrics(url: string, token: string): Promise<Counted> {
  const get = async (path: string) => {
    const headers = { Authorization: `Bearer ${token}`, "CF-Connecting-IP": "198.51.100.200" };
    const response = await fetch(`${url}/_weir/${path}`, { headers });
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
    return response;
  };
  const counts = countsIn(await (await get("metrics")).text());
  const { connections, policies } = (await (await get("snapshot")).json()) as {
    connections: number;
    policies: { top_refused: { key: string }[] }[];
  };
  const keys = policies.flatMap(({ top_refused }) => top_refused.map(({ key }) => key));
  return { counts, keys, sockets: connections };
}

/** The counters of Prometheus' text format, by their series: `rate_limit_hits_total{limit_type="http"} 2` is `hits http`. */
function countsIn(text: string): Record<string, number> {
  const counters = text.matchAll(/^rate_limit_(\w+?)(?:_total)?(?:\{(.*)\})? (\d+)$/gm);
  const counts = [...counters].map(([, name, labels = "", n]): [string, number] => {
    const values = [...labels.matchAll(/="([^"]*)"/g)].map(([, value]) => value);
    return [[name, ...values].join(" "), Number(n)];
  });
  return Object.fromEntries(counts.filter(([, n]) => n > 0));
}

/** What was counted, once it is what is expected: after a flush. */
export async function untilMetrics(
  weir: { readMetrics(): Promise<Counted> },
  isThere: (metrics: Counted) => boolean,
): Promise<Counted> {
  const untilMs = performance.now() + 20_000;
  for (;;) {
    const metrics = await weir.readMetrics();
    if (isThere(metrics) || performance.now() > untilMs) return metrics;
    await new Promise((wake) => setTimeout(wake, 200));
  }
}
