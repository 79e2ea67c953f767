import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** What a command ends with: all is well, something was found, it could not run as it was asked to. */
export const EXIT = { fine: 0, found: 1, usage: 2 } as const;
export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** One of `npm run weir -- <command>`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Shown by `--help`. */
  readonly help: string;
  /** Throws a `UsageError` when the arguments make no sense. */
  run(args: readonly string[], terminal: Terminal): Promise<ExitStatus>;
}

/** Reads options and arguments. Throws a `UsageError` about what is unknown or lacks a value. */
export function readArguments<const O extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(plainMessage(error));
  }
}

/** Without Node's advice about arguments that start with a dash, which no command takes. */
const plainMessage = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/\. To specify.*$/s, "");

/** A whole number from an option. */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`--${option} is "${text}", but has to be a whole number from ${least} to ${most}`);
}
