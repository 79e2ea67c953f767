import { useLayoutEffect, useRef, useState } from "hono/jsx/dom";
import type { KeyState, Policy } from "../api/answers.ts";
import type { Client, Target } from "../api/client.ts";
import { failureText } from "../api/failure-text.ts";
import { typed } from "../parts/typed.ts";
import { absolute, timeOfDay } from "../text/durations.ts";
import { suggestedLimit } from "../text/limits.ts";
import {
  type Action,
  actionNames,
  type Choices,
  consequence,
  perform,
  result,
  takesEffect,
} from "./action.ts";
import { QuotaList } from "./quota-list.tsx";
import { type Length, untilMs } from "./until.ts";
import { UntilField } from "./until-field.tsx";
import { isOverridden, verdictOf } from "./verdict.ts";

export interface ActionRequest {
  readonly action: Action;
  readonly target: Target;
  readonly policy: Policy | undefined;
  /** As it was when the operator decided; unknown for a key out of a list. */
  readonly state?: KeyState;
}

interface ActionDialogProps {
  readonly client: Client;
  readonly request: ActionRequest;
  readonly onDone: (state: KeyState) => void;
  readonly onClose: () => void;
}

interface Done {
  readonly text: string;
  readonly atMs: number;
  readonly state: KeyState;
}

/** Says what will happen, does it when confirmed, and says what happened. */
export function ActionDialog({ client, request, onDone, onClose }: ActionDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [done, setDone] = useState<Done | undefined>(undefined);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const { action, target, policy } = request;

  const confirm = async (choices: Choices): Promise<string> => {
    const outcome = await perform(client, action, target, choices);
    if (!outcome.ok) return failureText(outcome.failure);
    setDone({ text: result(action, choices), atMs: Date.now(), state: outcome.value });
    onDone(outcome.value);
    return "";
  };
  const close = () => dialog.current?.close();
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose}>
      <h2 id="dialog-title">
        {actionNames[action]}: <code>{target.policy}</code>
      </h2>
      {done ? (
        <Finished done={done} policy={policy} onClose={close} />
      ) : (
        <Confirmation request={request} onConfirm={confirm} onCancel={close} />
      )}
    </dialog>
  );
}

interface FinishedProps {
  readonly done: Done;
  readonly policy: Policy | undefined;
  readonly onClose: () => void;
}

function Finished({ done: { text, atMs, state }, policy, onClose }: FinishedProps) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => button.current?.focus(), []);
  return (
    <>
      <p role="status">
        <b>{text}</b> Done at <time title={absolute(atMs)}>{timeOfDay(atMs)}</time>. {takesEffect(policy)}
      </p>
      <QuotaList states={state.states} readAtMs={atMs} />
      <div class="buttons">
        <button type="button" class="main" ref={button} onClick={onClose}>
          Close
        </button>
      </div>
    </>
  );
}

interface ConfirmationProps {
  readonly request: ActionRequest;
  /** Does it. Answers with what went wrong, empty when nothing did. */
  readonly onConfirm: (choices: Choices) => Promise<string>;
  readonly onCancel: () => void;
}

function Confirmation({
  request: { action, target, policy, state },
  onConfirm,
  onCancel,
}: ConfirmationProps) {
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
      <p>{consequence(action)}</p>
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
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** Without an override to end, only a reset lets the key in. */
const needsReset = (state: KeyState): boolean =>
  verdictOf(state) === "locked-out" || (verdictOf(state) === "refused" && !state.states.some(isOverridden));

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
