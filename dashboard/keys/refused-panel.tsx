import { useState } from "hono/jsx/dom";
import type { Policy, Snapshot } from "../api/answers.ts";
import { useFirst } from "../parts/first-rows.tsx";
import { useKeptFocus } from "../parts/kept-focus.ts";
import { Nothing, Panel } from "../parts/panel.tsx";
import { typed } from "../parts/typed.ts";
import type { InspectionData } from "../state/inspection.ts";
import { counted } from "../text/numbers.ts";
import { type ActionRequest, actionNames } from "./action.ts";
import { type RefusedRow, refusalsText, refusedRows } from "./refused-rows.ts";

const FIRST = 10;

interface RefusedPanelProps {
  readonly policies: readonly Policy[];
  readonly snapshot: Snapshot | undefined;
  readonly problem: string | undefined;
  readonly inspection: InspectionData;
  readonly act: (request: ActionRequest) => void;
}

export function RefusedPanel({ policies, snapshot, problem, inspection, act }: RefusedPanelProps) {
  useKeptFocus();
  const [only, setOnly] = useState<string | undefined>(undefined);
  const traffic = snapshot?.policies ?? [];
  const refusing = traffic.filter(({ name, top_refused }) => top_refused.length > 0 || name === only);
  const rows = refusedRows(traffic, only);
  const { shown, more } = useFirst(rows, FIRST);

  const inspect = async ({ policy, key }: RefusedRow) => {
    await inspection.inspect({ policy, digest: key });
    showKeys();
  };
  return (
    <Panel id="refused" title="Most refused keys" note="digests, last 30 to 60 min">
      {snapshot === undefined ? (
        <Nothing failure={problem} />
      ) : refusing.length === 0 ? (
        <p class="quiet nothing">No key was refused.</p>
      ) : (
        <>
          <div class="tools">
            <label>
              Policy
              <select onChange={(event) => setOnly(typed(event) || undefined)}>
                <option value="">all that refused</option>
                {refusing.map(({ name }) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <span class="quiet">{counted(rows.length, "key")}</span>
          </div>
          <table class="cards refused">
            <thead>
              <tr>
                <th scope="col">Key</th>
                <th scope="col">Policy</th>
                <th scope="col" class="number">
                  Refusals
                </th>
                <th scope="col">
                  <span class="unseen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((row) => (
                <RefusedRowView
                  key={`${row.policy} ${row.key}`}
                  row={row}
                  onInspect={() => inspect(row)}
                  act={(action) =>
                    act({
                      action,
                      target: { policy: row.policy, digest: row.key },
                      policy: policies.find(({ name }) => name === row.policy),
                    })
                  }
                />
              ))}
            </tbody>
          </table>
          {more()}
        </>
      )}
    </Panel>
  );
}

/** Brings the keys that are looked at into view, for eyes and for keyboards. */
function showKeys(): void {
  const title = document.getElementById("keys-title");
  title?.focus();
  title?.scrollIntoView({ block: "start" });
}

interface RefusedRowProps {
  readonly row: RefusedRow;
  readonly onInspect: () => void;
  readonly act: (action: "block" | "reset") => void;
}

function RefusedRowView({ row, onInspect, act }: RefusedRowProps) {
  const { text, title } = refusalsText(row);
  const button = (label: string, onClick: () => void, dots = "") => (
    <button type="button" aria-label={`${label} ${row.key} of ${row.policy}`} onClick={onClick}>
      {label}
      {dots}
    </button>
  );
  return (
    <tr>
      <th scope="row">
        <code>{row.key}</code>
      </th>
      <td data-label="Policy">{row.policy}</td>
      <td class="number" data-label="Refusals" title={title}>
        {text}
      </td>
      <td class="actions">
        {button("Inspect", onInspect)}
        {button(actionNames.reset, () => act("reset"), " …")}
        {button(actionNames.block, () => act("block"), " …")}
      </td>
    </tr>
  );
}
