/**
 * Runs a command to its end and ends the process with its code: 2 for a wrong command line, 130 when interrupted; 0 for
 * `--help`. `run` has to stop what it started when `interrupted` rejects.
 */
export async function runCommand<Options>(
  usage: string,
  parse: (args: readonly string[]) => Options,
  run: (options: Options, interrupted: Promise<never>) => Promise<number>,
): Promise<never> {
  const interruption = new Error("interrupted");
  const interrupted = new Promise<never>((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => reject(interruption));
  });
  let isInterrupted = false;
  interrupted.catch(() => {
    isInterrupted = true;
  });
  if (process.argv.includes("--help")) {
    console.log(usage);
    process.exit(0);
  }
  const options = orUndefined(() => parse(process.argv.slice(2)), usage);
  if (!options) process.exit(2);
  try {
    process.exit(await run(options, interrupted));
  } catch (error) {
    // Ctrl-C also reaches the Workers, so that requests may fail before this process hears of it.
    console.error(isInterrupted ? "interrupted" : messageOf(error));
    process.exit(isInterrupted ? 130 : 1);
  }
}

/** A step of the work, with the seconds since the start, beside the results. */
export function progress(step: string): void {
  console.error(stepText(step));
}

/** The same in place of the one before it, on a terminal. */
export function status(step: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${stepText(step)}${CLEAR_TO_END}`);
  else progress(step);
}

const CLEAR_TO_END = "\x1b[K";

const stepText = (step: string): string => `${(performance.now() / 1_000).toFixed(0).padStart(3)} s  ${step}`;

function orUndefined<T>(parse: () => T, usage: string): T | undefined {
  try {
    return parse();
  } catch (error) {
    console.error(`${messageOf(error)}\n${usage}`);
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
