import { useEffect, useMemo, useRef, useState } from "hono/jsx/dom";
import type { Client } from "./api/client.ts";
import { failureText } from "./api/failure-text.ts";
import { StorePanel } from "./health/store-panel.tsx";
import type { ActionRequest } from "./keys/action.ts";
import { ActionDialog } from "./keys/action-dialog.tsx";
import { KeysPanel } from "./keys/keys-panel.tsx";
import { RefusedPanel } from "./keys/refused-panel.tsx";
import { PoliciesPanel } from "./policies/policies-panel.tsx";
import { browser } from "./state/browser.ts";
import { createInspection } from "./state/inspection.ts";
import { createLive } from "./state/live.ts";
import { useStore } from "./state/store.ts";
import { TopBar } from "./top-bar.tsx";
import { TrafficPanel } from "./traffic/traffic-panel.tsx";

interface OperationsProps {
  readonly client: Client;
  readonly onSignOut: (why: string) => void;
}

/** Everything behind the sign-in. */
export function Operations({ client: latest, onSignOut }: OperationsProps) {
  const client = useRef(latest).current;
  const live = useMemo(
    () => createLive(client, browser, () => onSignOut("The token is not accepted any more.")),
    [],
  );
  const inspection = useMemo(() => createInspection(client), []);
  const [request, setRequest] = useState<ActionRequest | undefined>(undefined);
  const { configuration, snapshot, failure } = useStore(live);
  useEffect(() => {
    live.poller.start();
    return live.poller.stop;
  }, []);

  const policies = configuration?.policies ?? [];
  const problem = failure && failureText(failure);
  return (
    <>
      <TopBar live={live} onSignOut={() => onSignOut("")} />
      <main class={failure && snapshot ? "stale" : ""}>
        <TrafficPanel snapshot={snapshot} problem={problem} />
        <KeysPanel inspection={inspection} configuration={configuration} problem={problem} act={setRequest} />
        <StorePanel store={snapshot?.store} connections={snapshot?.connections} problem={problem} />
        <PoliciesPanel configuration={configuration} snapshot={snapshot} problem={problem} />
        <RefusedPanel
          policies={policies}
          snapshot={snapshot}
          problem={problem}
          inspection={inspection}
          act={setRequest}
        />
      </main>
      {request && (
        <ActionDialog
          client={client}
          request={request}
          onDone={inspection.changed}
          onClose={() => setRequest(undefined)}
        />
      )}
    </>
  );
}
