/**
 * Writes one JSON object a line. Never give it a key value: an address, a user, a token.
 *
 * @param sample events of one name are left out apart for each: the name of a policy. Few, since each is remembered
 */
export type Log = (
  event: string,
  fields?: Readonly<Record<string, string | number>>,
  sample?: string,
) => void;

const MIN_INTERVAL_MS = 1_000;

/** At most one line a second for each event and sample; a line says how many like it were left out since the last. */
export function createLog(now: () => number, write: (line: string) => void = console.log): Log {
  const states = new Map<string, { nextMs: number; omitted: number }>();
  return (event, fields = {}, sample = "") => {
    const name = `${event} ${sample}`;
    const state = states.get(name) ?? { nextMs: Number.NEGATIVE_INFINITY, omitted: 0 };
    states.set(name, state);
    if (now() < state.nextMs) {
      state.omitted += 1;
      return;
    }
    write(
      JSON.stringify({
        source: "weir",
        event,
        ...fields,
        ...(state.omitted > 0 && { omitted: state.omitted }),
      }),
    );
    state.nextMs = now() + MIN_INTERVAL_MS;
    state.omitted = 0;
  };
}
