import { check } from "./check/check.ts";
import { type Command, EXIT, type ExitStatus } from "./command.ts";
import { probe } from "./probe/probe.ts";
import { replay } from "./replay/replay.ts";
import { sampleLog } from "./sample-log/sample-log.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

const COMMANDS: readonly Command[] = [check, replay, probe, sampleLog];

/** Runs what the arguments of `npm run weir --` say. */
export async function run([name, ...args]: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  const command = COMMANDS.find((one) => one.name === (name === "help" ? args[0] : name));
  if (command && (name === "help" || args.includes("--help") || args.includes("-h"))) {
    terminal.print(command.help);
    return EXIT.fine;
  }
  if (command) return runCommand(command, args, terminal);
  if (name !== undefined && ["help", "--help", "-h"].includes(name)) {
    terminal.print(overview());
    return EXIT.fine;
  }
  terminal.note(name === undefined ? overview() : `weir: "${name}" is not a command.\n\n${overview()}`);
  return EXIT.usage;
}

async function runCommand(
  command: Command,
  args: readonly string[],
  terminal: Terminal,
): Promise<ExitStatus> {
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.note(`weir ${command.name}: ${error.message}`);
    terminal.note(`See: npm run weir -- ${command.name} --help`);
    return EXIT.usage;
  }
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    "usage: npm run weir -- <command> [options]",
    "",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "Each command explains itself: npm run weir -- <command> --help",
  ].join("\n");
}
