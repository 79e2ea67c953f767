import { untilInterrupted } from "./interrupted.ts";
import { startWeir } from "./start-weir.ts";

process.exit(await startWeir({ env: process.env, interrupted: untilInterrupted() }));
