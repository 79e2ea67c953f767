/** Resolves when the user wants everything to end: Ctrl-C, an ordinary `kill` or a closed terminal. */
export function untilInterrupted(): Promise<void> {
  // A closed terminal also takes away what we print to, which must not get in the way of ending properly.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => {});
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve());
  });
}
