import { quotaLines } from "../text/limits.ts";
import { count, counted, rate, share } from "../text/numbers.ts";
import type { PolicyRow } from "./rows.ts";

/** What a policy is, and what it did. On a narrow screen each cell says by itself what it is (`data-label`). */
export function PolicyRowView({ row }: { readonly row: PolicyRow }) {
  const { policy, isCounted } = row;
  return (
    <tr>
      <th scope="row">
        <span class="name">{policy.name}</span>
        <span class="about">
          {policy.on === "request" ? null : <em>{policy.on}s, </em>}
          <code>{policy.match.join(", ") || "every request"}</code> by <code>{policy.key}</code>
        </span>
      </th>
      <td data-label="Quotas">
        <ul class="plain">
          {quotaLines(policy).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
        {(policy.algorithm ?? "sliding-window") === "sliding-window" ? null : (
          <span class="about">{policy.algorithm}</span>
        )}
      </td>
      <td data-label="Mode">
        <span class={`badge ${policy.mode}`}>{policy.mode}</span>
      </td>
      {isCounted ? <Figures row={row} /> : <NoFigures />}
    </tr>
  );
}

function Figures({ row }: { readonly row: PolicyRow }) {
  const { policy, perMinute, decided, refused, nearLimit, degraded, lockouts } = row;
  const isShadow = policy.mode === "shadow";
  return (
    <>
      <td class="number" data-label="Now / min">
        {rate(perMinute)}
      </td>
      <td class="number" data-label="Decided">
        {count(decided)}
        {degraded > 0 && <span class="about warn">{count(degraded)} without the store</span>}
      </td>
      <td class="number" data-label={isShadow ? "Would refuse" : "Refused"}>
        <b class={refused > 0 && !isShadow ? "stop" : ""}>{share(refused, decided)}</b>
        <span class="about">
          {count(refused)}
          {isShadow && " only counted"}
          {lockouts > 0 && `, ${counted(lockouts, "lockout")}`}
        </span>
      </td>
      <td class="number" data-label="Near limit">
        {share(nearLimit, decided)}
        <span class="about">{count(nearLimit)}</span>
      </td>
    </>
  );
}

/** No zeros, which would say that nothing happened. */
const NoFigures = () => (
  <>
    {["Now / min", "Decided", "Refused", "Near limit"].map((label) => (
      <td key={label} class="number" data-label={label}>
        –
      </td>
    ))}
  </>
);
