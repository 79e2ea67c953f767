import type { StoreHealth } from "../api/answers.ts";
import { Nothing, Panel } from "../parts/panel.tsx";
import { count, counted, latency, share } from "../text/numbers.ts";

interface StorePanelProps {
  readonly store: StoreHealth | undefined;
  /** WebSockets that are open. */
  readonly connections: number | undefined;
  readonly problem: string | undefined;
}

/** How the store does, in the last five minutes. */
export function StorePanel({ store, connections = 0, problem }: StorePanelProps) {
  if (!store) {
    return (
      <Panel id="store" title="Store">
        <Nothing failure={problem} />
      </Panel>
    );
  }
  const { calls, errors, without_call: without } = store;
  return (
    <Panel id="store" title="Store" note="last 5 min">
      <p class="store-state">
        <code>{store.kind}</code> <StoreBadge store={store} />
      </p>
      <dl class="figures">
        <Figure name="Calls">{count(calls)}</Figure>
        <Figure name="Failed" grave={errors > 0}>
          {count(errors)} <small>{calls > 0 ? share(errors, calls) : ""}</small>
        </Figure>
        <Figure name="Latency p50">{latency(store.p50_ms)}</Figure>
        <Figure name="p95">{latency(store.p95_ms)}</Figure>
        <Figure name="p99">{latency(store.p99_ms)}</Figure>
        <Figure name="Open breakers" grave={store.open_breakers > 0}>
          {count(store.open_breakers)}
        </Figure>
        <Figure name="Without a call" title="Decided at the edge, by known refusals and leases">
          {count(without)} <small>{calls + without > 0 ? share(without, calls + without) : ""}</small>
        </Figure>
        <Figure name="Open WebSockets">{count(connections)}</Figure>
      </dl>
    </Panel>
  );
}

interface FigureProps {
  readonly name: string;
  readonly title?: string;
  readonly grave?: boolean;
  readonly children?: unknown;
}

const Figure = ({ name, title, grave = false, children }: FigureProps) => (
  <div class={grave ? "grave" : ""} title={title}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

function StoreBadge({ store }: { readonly store: StoreHealth }) {
  if (store.open_breakers > 0) {
    return <span class="badge stop">{counted(store.open_breakers, "isolate")} not asking it</span>;
  }
  if (store.errors > 0) return <span class="badge warn">Failing at times</span>;
  return store.calls > 0 ? <span class="badge go">Answering</span> : <span class="badge">Not asked</span>;
}
