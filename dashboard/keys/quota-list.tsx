import type { QuotaState } from "../api/answers.ts";
import { Ago } from "../parts/ago.tsx";
import { useNow } from "../state/now.ts";
import { limitText } from "../text/limits.ts";
import { count } from "../text/numbers.ts";
import { isOverridden } from "./verdict.ts";

interface QuotaListProps {
  readonly states: readonly QuotaState[];
  /** When the states were true, epoch milliseconds: what is due is due from then. */
  readonly readAtMs: number;
}

/** What is left of each quota, and when there is more. */
export const QuotaList = ({ states, readAtMs }: QuotaListProps) => (
  <ul class="quotas">
    {states.map((state) => (
      <li key={state.name}>
        <p>
          <code>{state.name}</code>
          {state.limit === 0 ? (
            <b>nothing allowed</b>
          ) : (
            <span>
              <b>{count(state.remaining)}</b> of {limitText(state)} left
            </span>
          )}
        </p>
        <Bar state={state} />
        <p class="quiet">
          <Room state={state} readAtMs={readAtMs} />
          <Overridden state={state} />
        </p>
      </li>
    ))}
  </ul>
);

function Bar({ state: { remaining, limit } }: { readonly state: QuotaState }) {
  const left = limit === 0 ? 0 : Math.min(100, (100 * remaining) / limit);
  return (
    <span class={left < 20 ? "bar low" : "bar"} aria-hidden="true">
      <i style={{ width: `${left}%` }} />
    </span>
  );
}

function Room({ state, readAtMs }: { readonly state: QuotaState; readonly readAtMs: number }) {
  const { remaining, limit, retry_after_seconds, reset_seconds } = state;
  const nowMs = useNow();
  // When a block ends is said beside it.
  if (limit === 0) return null;
  const dueMs = (s: number) => readAtMs + s * 1_000;
  if (dueMs(retry_after_seconds ?? reset_seconds) < nowMs && remaining < limit) {
    return <span>More by now: refresh</span>;
  }
  if (retry_after_seconds !== undefined) {
    return (
      <span>
        Room <Ago key={dueMs(retry_after_seconds)} atMs={dueMs(retry_after_seconds)} />
      </span>
    );
  }
  if (remaining >= limit || reset_seconds === 0) return <span>Nothing used</span>;
  return (
    <span>
      Whole again <Ago key={dueMs(reset_seconds)} atMs={dueMs(reset_seconds)} />
    </span>
  );
}

function Overridden({ state }: { readonly state: QuotaState }) {
  const { configured_limit, overridden_until } = state;
  if (!isOverridden(state) || overridden_until === undefined) return null;
  const untilMs = Date.parse(overridden_until);
  return (
    <span class="warn">
      {state.limit === 0 ? "Blocked" : "Overridden"}
      {configured_limit === undefined ? "" : ` (configured: ${count(configured_limit)})`}, ends{" "}
      <Ago key={untilMs} atMs={untilMs} />
    </span>
  );
}
