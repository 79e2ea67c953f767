import { startWeir } from "./start-weir.ts";

// Ctrl-C, an ordinary `kill` and a closed terminal all mean the same: end everything.
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => resolve());
});
// A closed terminal also takes away what we print to, which must not get in the way of ending properly.
for (const output of [process.stdout, process.stderr]) output.on("error", () => {});

process.exit(await startWeir({ env: process.env, interrupted }));
