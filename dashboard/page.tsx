import { ErrorBoundary, useState } from "hono/jsx/dom";
import { createClient } from "./api/client.ts";
import { Operations } from "./operations.tsx";
import { SignIn } from "./sign-in.tsx";
import { session } from "./state/session.ts";

/** The folder that this page and the routes are in. */
const base = new URL(".", document.baseURI).href;

/** Signed in or not. */
export function Page() {
  const [token, setToken] = useState(session.token);
  const [notice, setNotice] = useState("");

  const signIn = (accepted: string) => {
    session.keep(accepted);
    setToken(accepted);
  };
  const signOut = (why: string) => {
    session.forget();
    setNotice(why);
    setToken(null);
  };
  return (
    <ErrorBoundary fallbackRender={Broken} onError={(error) => console.error(error)}>
      {token === null ? (
        <SignIn notice={notice} clientFor={(typed) => createClient(base, typed)} onToken={signIn} />
      ) : (
        <Operations client={createClient(base, token)} onSignOut={signOut} />
      )}
    </ErrorBoundary>
  );
}

/** A mistake in this page: said, because a frozen page would look like a quiet deployment. */
const Broken = () => (
  <main class="sign-in">
    <h1>This page broke</h1>
    <p role="alert">
      Reload it. The browser's console says what went wrong; the limiter itself is not affected.
    </p>
  </main>
);
