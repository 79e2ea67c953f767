import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Both sources count in hundredths of a second. */
export const RESOLUTION_MS = 10;

/** CPU time that a process has used so far, in user and system mode, with all its threads. */
export function cpuTimeMs(pid: number): number {
  return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
}

function fromProc(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses, which may hold anything. utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * RESOLUTION_MS;
}

/** `ps` of macOS prints `minutes:seconds.hundredths`. Elsewhere it may print whole seconds: too coarse. */
function fromPs(pid: number): number {
  const time = execFileSync("ps", ["-o", "time=", "-p", String(pid)], { encoding: "utf8" }).trim();
  if (!/^[\d:]+\.\d\d$/.test(time))
    throw new Error(`ps gives the CPU time as "${time}", without hundredths of a second`);
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 1_000;
}
