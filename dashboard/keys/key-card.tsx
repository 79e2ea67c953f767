import { useState } from "hono/jsx/dom";
import type { Policy } from "../api/answers.ts";
import { failureText } from "../api/failure-text.ts";
import { Ago } from "../parts/ago.tsx";
import type { InspectedKey } from "../state/inspection.ts";
import { seconds } from "../text/durations.ts";
import { ACTIONS, type ActionRequest, actionNames } from "./action.ts";
import { QuotaList } from "./quota-list.tsx";
import { refuses, verdictOf, verdictText } from "./verdict.ts";

interface KeyCardProps {
  readonly inspected: InspectedKey;
  readonly policy: Policy | undefined;
  readonly onRefresh: () => Promise<void>;
  readonly act: (request: ActionRequest) => void;
}

/** How one key stands under one policy, and what an operator can do with it. */
export function KeyCard({ inspected, policy, onRefresh, act }: KeyCardProps) {
  const { target, state, readAtMs, failure } = inspected;
  const [busy, setBusy] = useState(false);
  const verdict = verdictOf(state);
  const id = `key-${state.policy}-${state.key}`;
  const refresh = async () => {
    if (busy) return;
    setBusy(true);
    await onRefresh();
    setBusy(false);
  };
  return (
    <article class="key" aria-labelledby={id}>
      <div class="heading">
        <h3 id={id}>{state.policy}</h3>
        <span class={`badge ${refuses(verdict) ? (state.mode === "enforce" ? "stop" : "warn") : verdict}`}>
          {verdictText(verdict, state)}
        </span>
      </div>
      <p class="quiet">
        Key <code>{state.key}</code>, read <Ago key={readAtMs} atMs={readAtMs} />
      </p>
      {state.locked_out_seconds > 0 && (
        <p class="problem">
          Locked out for {seconds(state.locked_out_seconds)} more, whatever the quotas say.
        </p>
      )}
      <QuotaList states={state.states} readAtMs={readAtMs} />
      {failure && (
        <p class="problem" role="alert">
          {failureText(failure)}
        </p>
      )}
      <div class="buttons">
        <button type="button" aria-label={`Refresh ${state.policy}`} aria-disabled={busy} onClick={refresh}>
          Refresh
        </button>
        {ACTIONS.toReversed().map((action) => (
          <button
            key={action}
            type="button"
            class={action === "lift" && refuses(verdict) ? "main" : ""}
            aria-label={`${actionNames[action]} ${state.policy}`}
            onClick={() => act({ action, target, policy, state })}
          >
            {actionNames[action]} …
          </button>
        ))}
      </div>
    </article>
  );
}
