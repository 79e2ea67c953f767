import { useEffect, useRef, useState } from "hono/jsx/dom";
import type { Client, Failure } from "./api/client.ts";
import { failureText } from "./api/failure-text.ts";
import { Logo } from "./parts/logo.tsx";

interface SignInProps {
  /** Why the operator was signed out; empty without a reason. */
  readonly notice: string;
  readonly clientFor: (token: string) => Client;
  readonly onToken: (token: string) => void;
}

/** Asks for the token, and tries it before it is kept. */
export function SignIn({ notice, clientFor, onToken }: SignInProps) {
  const [problem, setProblem] = useState(notice);
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // After the first drawing, which happens outside the document.
  useEffect(() => field.current?.focus(), []);

  const submit = async (event: Event) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? "";
    if (busy) return;
    setBusy(true);
    const outcome = await clientFor(token).policies();
    setBusy(false);
    if (outcome.ok) return onToken(token);
    setProblem(signInText(outcome.failure));
    field.current?.select();
  };
  return (
    <main class="sign-in">
      <h1>
        <Logo /> Weir
      </h1>
      <form onSubmit={submit}>
        <input type="text" autocomplete="username" value="operator" hidden readonly />
        <label for="token">Admin token</label>
        <input
          id="token"
          type="password"
          ref={field}
          required
          autocomplete="current-password"
          spellcheck={false}
          aria-describedby="token-hint token-problem"
        />
        <p class="quiet" id="token-hint">
          The value of ADMIN_TOKEN. It is kept until this tab is closed or you sign out.
        </p>
        <p class="problem" id="token-problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="main" aria-disabled={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

function signInText(failure: Failure): string {
  return failure.kind === "refused" && failure.status === 404
    ? "Administration is not turned on here: set ADMIN_TOKEN."
    : failureText(failure);
}
