import { useNow } from "../state/now.ts";
import { absolute, relative } from "../text/durations.ts";

/** A time as its distance from now, which goes on; the time itself as title. */
export function Ago({ atMs }: { readonly atMs: number }) {
  const nowMs = useNow();
  return (
    <time datetime={new Date(atMs).toISOString()} title={absolute(atMs)}>
      {relative(atMs, nowMs)}
    </time>
  );
}
