import { failureText } from "./api/failure-text.ts";
import { Ago } from "./parts/ago.tsx";
import { Logo } from "./parts/logo.tsx";
import type { LiveData } from "./state/live.ts";
import { useStore } from "./state/store.ts";

interface TopBarProps {
  readonly live: LiveData;
  readonly onSignOut: () => void;
}

/** What is shown, how fresh it is, and the way out. */
export function TopBar({ live, onSignOut }: TopBarProps) {
  const { configuration } = useStore(live);
  return (
    <header class="top">
      <h1>
        <Logo /> Weir
      </h1>
      {configuration && (
        <p class="quiet deployment">
          <span class={`badge ${configuration.mode}`} title="MODE: a ceiling over each policy's own">
            {configuration.mode}
          </span>
          <span title="Fingerprint of the configuration, as GET /_weir/health has it">
            <span class="wide">Configuration </span>
            <code>{configuration.fingerprint}</code>
          </span>
        </p>
      )}
      <Freshness live={live} />
      <button type="button" onClick={onSignOut}>
        Sign out
      </button>
      <Trouble live={live} />
    </header>
  );
}

function Freshness({ live }: { readonly live: LiveData }) {
  const { answeredAtMs, failure } = useStore(live);
  return (
    <p class={`freshness ${failure ? "late" : "live"}`}>
      <i aria-hidden="true" />
      {failure ? "Not live" : "Live"}
      <span class="quiet">
        {answeredAtMs === undefined ? "" : <Ago key={answeredAtMs} atMs={answeredAtMs} />}
      </span>
    </p>
  );
}

/** Says once that answers stopped, and once that they came again; the times beside it are not announced. */
function Trouble({ live }: { readonly live: LiveData }) {
  const { failure, nextAtMs, snapshot } = useStore(live);
  return (
    <div class={failure ? "trouble" : "trouble none"}>
      <p role="status">
        {failure ? `${failureText(failure)}${snapshot ? " The figures below are old." : ""}` : ""}
      </p>
      {failure && (
        <p class="again">
          {nextAtMs === undefined ? (
            <span>Asking …</span>
          ) : (
            <span>
              Next attempt <Ago atMs={nextAtMs} />.
            </span>
          )}
          <button type="button" onClick={live.poller.now}>
            Try now
          </button>
        </p>
      )}
    </div>
  );
}
