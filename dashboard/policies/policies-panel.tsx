import { useState } from "hono/jsx/dom";
import type { Configuration, Snapshot } from "../api/answers.ts";
import { useFirst } from "../parts/first-rows.tsx";
import { Nothing, Panel } from "../parts/panel.tsx";
import { typed } from "../parts/typed.ts";
import { count, counted } from "../text/numbers.ts";
import { PolicyRowView } from "./policy-row.tsx";
import { inOrder, matches, ORDERS, type Order, policyRows } from "./rows.ts";

const FIRST = 25;
/** Fewer are found by looking. */
const FILTER_FROM = 6;

interface PoliciesPanelProps {
  readonly configuration: Configuration | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly problem: string | undefined;
}

export function PoliciesPanel({ configuration, snapshot, problem }: PoliciesPanelProps) {
  const [filter, setFilter] = useState("");
  const [order, setOrder] = useState<Order>("configured");
  const all = policyRows(configuration?.policies ?? [], snapshot?.policies ?? []);
  const found = inOrder(all, order).filter(({ policy }) => matches(policy, filter));
  const { shown, more } = useFirst(found, FIRST);
  if (!configuration) {
    return (
      <Panel id="policies" title="Policies">
        <Nothing failure={problem} />
      </Panel>
    );
  }
  return (
    <Panel id="policies" title="Policies" note="last hour">
      {all.length >= FILTER_FROM && (
        <div class="tools">
          <label>
            Filter
            <input type="search" value={filter} onInput={(event) => setFilter(typed(event))} />
          </label>
          <label>
            Order
            <select onChange={(event) => setOrder(typed(event) as Order)}>
              {ORDERS.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <span class="quiet" role="status">
            {filter === ""
              ? counted(all.length, "policy", "policies")
              : `${count(found.length)} of ${count(all.length)}`}
          </span>
        </div>
      )}
      {found.length === 0 ? (
        <p class="quiet nothing">
          {all.length === 0 ? "No policy is configured." : "No policy matches the filter."}
        </p>
      ) : (
        <table class="cards policies">
          <thead>
            <tr>
              <th scope="col">Policy</th>
              <th scope="col">Quotas</th>
              <th scope="col">Mode</th>
              <th scope="col" class="number" title="Decisions, on average over the last five minutes">
                Now / min
              </th>
              <th scope="col" class="number">
                Decided
              </th>
              <th scope="col" class="number">
                Refused
              </th>
              <th scope="col" class="number" title="Admitted with more than 80 % of a quota used">
                Near limit
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <PolicyRowView key={row.policy.name} row={row} />
            ))}
          </tbody>
        </table>
      )}
      {more()}
    </Panel>
  );
}
