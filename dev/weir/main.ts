import { setFlagsFromString } from "node:v8";
import { run } from "./run.ts";
import { createTerminal } from "./terminal.ts";

// By itself the heap grows to four times what is alive: much, for logs of any size.
setFlagsFromString("--heap-growing-percent=100");
process.exitCode = await run(process.argv.slice(2), createTerminal(process.env));
