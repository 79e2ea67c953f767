import type { Configuration } from "../api/answers.ts";
import { failureText } from "../api/failure-text.ts";
import { Nothing, Panel } from "../parts/panel.tsx";
import type { InspectionData } from "../state/inspection.ts";
import { useStore } from "../state/store.ts";
import type { ActionRequest } from "./action.ts";
import { KeyCard } from "./key-card.tsx";
import { LookupForm } from "./lookup-form.tsx";
import { askableParts } from "./target.ts";

interface KeysPanelProps {
  readonly inspection: InspectionData;
  readonly configuration: Configuration | undefined;
  readonly problem: string | undefined;
  readonly act: (request: ActionRequest) => void;
}

/** Which policy refuses this user, and what can be done about it. */
export function KeysPanel({ inspection, configuration, problem, act }: KeysPanelProps) {
  const { keys, summary, notAsked, failure, busy } = useStore(inspection);
  const policies = configuration?.policies ?? [];
  const parts = askableParts(policies);
  return (
    <Panel id="keys" title="Look up a user" note="values are digested on arrival, and not kept">
      {configuration === undefined ? (
        <Nothing failure={problem} />
      ) : parts.length === 0 ? (
        <p class="quiet nothing">No policy tells callers apart.</p>
      ) : (
        <LookupForm
          key={parts.join()}
          parts={parts}
          busy={busy}
          onLookup={(key) => inspection.lookup(key, policies)}
        />
      )}
      <div class="found">
        <p class={failure ? "problem" : "summary"} role="status">
          {failure ? failureText(failure) : busy ? "Asking …" : summary}
        </p>
        {(keys.length > 0 || summary !== "" || failure !== undefined) && (
          <button type="button" class="quiet-button" onClick={inspection.clear}>
            Clear
          </button>
        )}
      </div>
      {notAsked !== "" && <p class="quiet">{notAsked}</p>}
      {keys.length > 0 && (
        <div class="key-cards">
          {keys.map((key) => (
            <KeyCard
              key={`${key.state.policy} ${key.state.key}`}
              inspected={key}
              policy={policies.find(({ name }) => name === key.state.policy)}
              onRefresh={() => inspection.refresh(key)}
              act={act}
            />
          ))}
        </div>
      )}
    </Panel>
  );
}
