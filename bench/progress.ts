/** A part of a run, with how long it should take. */
export interface PlannedPhase {
  readonly name: string;
  readonly seconds: number;
}

export interface Progress {
  /** Begins a phase: what came before it is done. */
  begin(name: string): void;
  /** How much of the phase is done, from 0 to 1, and what it is at. */
  step(done: number, text: string): void;
}

/**
 * Tells what a run is at, and how long the rest should take: as long as planned, scaled by how the plan held so far.
 */
export function createProgress(
  plan: readonly PlannedPhase[],
  print: (text: string) => void,
  seconds: () => number,
): Progress {
  const startedAt = seconds();
  let current = -1;

  function left(done: number): string {
    const before = plan.slice(0, current).reduce((sum, phase) => sum + phase.seconds, 0);
    const planned = before + (plan[current]?.seconds ?? 0) * done;
    const all = plan.reduce((sum, phase) => sum + phase.seconds, 0);
    const elapsed = seconds() - startedAt;
    // At first there is nothing to scale by.
    const scale = planned < MIN_SECONDS ? 1 : elapsed / planned;
    return duration((all - planned) * scale);
  }

  const tell = (done: number, text: string) =>
    print(`${plan[current]?.name}${text === "" ? "" : `: ${text}`}; about ${left(done)} left`);

  return {
    begin(name) {
      current = plan.findIndex((phase) => phase.name === name);
      if (current === -1) throw new Error(`"${name}" is not in the plan`);
      tell(0, "");
    },
    step: tell,
  };
}

/** Of the plan, before its pace says anything. */
const MIN_SECONDS = 10;

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 100 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}
