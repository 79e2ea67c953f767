import build from "../test/support/build.ts";
import { callerContestants } from "./caller-contestants.ts";
import { progress, runCommand } from "./command.ts";
import { parseOptions, USAGE } from "./options.ts";
import { report } from "./report.ts";
import { runRounds } from "./rounds.ts";

await runCommand(USAGE, parseOptions, async (options, interrupted) => {
  progress("building the Worker");
  build();
  const rows = await runRounds({ ...options, contestants: callerContestants, progress }, interrupted);
  console.log(`\n${report(rows, options.requests)}`);
  return 0;
});
