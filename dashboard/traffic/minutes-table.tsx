import { absolute, minuteOfDay } from "../text/durations.ts";
import { count } from "../text/numbers.ts";
import type { Counted, MinuteCounts } from "./columns.ts";

const COLUMNS: readonly { readonly name: keyof Counted; readonly label: string }[] = [
  { name: "allowed", label: "Allowed" },
  { name: "refused", label: "Refused" },
  { name: "degraded", label: "Degraded" },
  { name: "unavailable", label: "503" },
  { name: "unlimited", label: "Unlimited" },
  { name: "denied", label: "Denied" },
];

const isQuiet = (minute: Counted): boolean => COLUMNS.every(({ name }) => minute[name] === 0);

/** The chart's figures, newest first, minutes without any left out. */
export function MinutesTable({ hour }: { readonly hour: readonly MinuteCounts[] }) {
  const busy = hour.filter((minute) => !isQuiet(minute)).toReversed();
  return (
    <details class="minutes">
      <summary>Show as a table</summary>
      {busy.length === 0 ? (
        <p class="quiet">Nothing in the last hour.</p>
      ) : (
        <section class="scroll" tabindex={0} aria-label="Requests by minute">
          <table>
            <thead>
              <tr>
                <th scope="col">Minute</th>
                {COLUMNS.map(({ name, label }) => (
                  <th key={name} scope="col" class="number">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {busy.map((minute) => (
                <tr key={minute.atMs}>
                  <th scope="row" title={absolute(minute.atMs)}>
                    {minuteOfDay(minute.atMs)}
                  </th>
                  {COLUMNS.map(({ name }) => (
                    <td key={name} class="number">
                      {count(minute[name])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
