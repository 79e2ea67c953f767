import { useState } from "hono/jsx/dom";
import { typed } from "../parts/typed.ts";
import { suggestedLimit } from "../text/limits.ts";
import {
  type ActionRequest,
  actionNames,
  type Choices,
  consequence,
  needsReset,
  takesEffect,
} from "./action.ts";
import { type Length, untilMs } from "./until.ts";
import { UntilField } from "./until-field.tsx";

interface ConfirmationProps {
  readonly request: ActionRequest;
  /** Does it. Answers with what went wrong, empty when nothing did. */
  readonly onConfirm: (choices: Choices) => Promise<string>;
  readonly onCancel: () => void;
}

/** Says what will happen, and asks what has to be known for it. */
export function Confirmation({ request, onConfirm, onCancel }: ConfirmationProps) {
  const { action, target, policy, state } = request;
  const [limit, setLimit] = useState(state ? suggestedLimit(state.states) : "");
  const [length, setLength] = useState<Length>("1h");
  const [local, setLocal] = useState("");
  const [alsoReset, setAlsoReset] = useState(state !== undefined && needsReset(state));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const needsUntil = action === "block" || action === "override";

  const submit = async (event: Event) => {
    event.preventDefault();
    const until = untilMs(needsUntil ? length : "1h", local, Date.now());
    if (typeof until === "string") return setProblem(until);
    if (busy) return;
    setBusy(true);
    setProblem(await onConfirm({ limit, untilMs: until, alsoReset }));
    setBusy(false);
  };
  return (
    <form onSubmit={submit}>
      <p>{consequence(request)}</p>
      <p class="quiet">
        Key <code>{"digest" in target ? target.digest : Object.values(target.key).join(", ")}</code>.{" "}
        {takesEffect(policy)}
        {policy?.mode === "shadow" && " The policy is in shadow mode: it counts, and refuses nobody."}
      </p>
      {action === "override" && <LimitField limit={limit} onLimit={setLimit} />}
      {needsUntil && <UntilField length={length} local={local} onLength={setLength} onLocal={setLocal} />}
      {action === "lift" && (
        <label class="check">
          <input type="checkbox" checked={alsoReset} onChange={() => setAlsoReset(!alsoReset)} />
          Also forget what it has used, and end a lockout
        </label>
      )}
      <p class="problem" role="alert">
        {problem}
      </p>
      <div class="buttons">
        <button type="submit" class={action === "block" ? "main danger" : "main"} aria-disabled={busy}>
          {busy ? "Working …" : actionNames[action]}
        </button>
        <button type="button" aria-disabled={busy} onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

interface LimitFieldProps {
  readonly limit: string;
  readonly onLimit: (limit: string) => void;
}

const LimitField = ({ limit, onLimit }: LimitFieldProps) => (
  <label class="field">
    New limit
    <input
      value={limit}
      required
      autocomplete="off"
      spellcheck={false}
      aria-describedby="limit-hint"
      onInput={(event) => onLimit(typed(event))}
    />
    <small class="quiet" id="limit-hint">
      With windows of this policy, as in <code>100/minute, 1000/hour</code>. Quotas you leave out stay.
    </small>
  </label>
);
