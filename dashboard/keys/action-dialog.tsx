import { useLayoutEffect, useRef, useState } from "hono/jsx/dom";
import type { KeyState, Policy } from "../api/answers.ts";
import type { Client } from "../api/client.ts";
import { absolute, timeOfDay } from "../text/durations.ts";
import {
  type ActionRequest,
  actionFailureText,
  actionNames,
  type Choices,
  perform,
  result,
  takesEffect,
} from "./action.ts";
import { Confirmation } from "./confirmation.tsx";
import { QuotaList } from "./quota-list.tsx";

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

/**
 * Says what will happen, does it when confirmed, and says what happened. Stays open while it is being done: it cannot be
 * called back, and nobody would hear that it failed.
 */
export function ActionDialog({ client, request, onDone, onClose }: ActionDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const isDoing = useRef(false);
  const [done, setDone] = useState<Done | undefined>(undefined);
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const { action, target, policy } = request;

  const confirm = async (choices: Choices): Promise<string> => {
    isDoing.current = true;
    const outcome = await perform(client, action, target, choices);
    isDoing.current = false;
    if (!outcome.ok) return actionFailureText(outcome.failure);
    setDone({ text: result(request, choices), atMs: Date.now(), state: outcome.value });
    onDone(outcome.value);
    return "";
  };
  const close = () => {
    if (!isDoing.current) dialog.current?.close();
  };
  // Not by the event `cancel`: browsers close at the second Escape, whatever the page says to that.
  const holdOpen = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isDoing.current) event.preventDefault();
  };
  return (
    <dialog ref={dialog} aria-labelledby="dialog-title" onClose={onClose} onKeyDown={holdOpen}>
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
