import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// All that the format of these files knows; what stands between single quotes or backticks is taken as it is.
const QUOTES = ["'", "`", '"'];

export type EnvFiles = {
  /** Those to hand to `wrangler dev`, which takes no others then. */
  paths: readonly string[];
  remove: () => void;
};

/**
 * Variables in a file that only this user can read: on a command line everybody on the machine could see them.
 * `folder` is where `wrangler dev` would look for the user's own files, which come first.
 */
export function writeEnvFile(variables: Record<string, string>, folder: string): EnvFiles {
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}`);
  const own = mkdtempSync(join(tmpdir(), "weir-start-"));
  const path = join(own, "variables.env");
  const devVars = join(folder, ".dev.vars");
  const hasDevVars = existsSync(devVars);
  // Wrangler takes `.dev.vars` as it is, but would replace each $NAME of it as soon as it is given by name.
  const first = hasDevVars ? [escaped(readFileSync(devVars, "utf8"))] : [];
  writeFileSync(path, `${[...first, ...lines].join("\n")}\n`, { mode: 0o600 });
  const others = hasDevVars ? [] : [".env", ".env.local"].map((name) => join(folder, name));
  // Node reads the option too, ahead of wrangler, and ends when a file is missing.
  return {
    paths: [...others.filter((file) => existsSync(file)), path],
    remove: () => rmSync(own, { recursive: true, force: true }),
  };
}

/** Whether an env file can hold this value. */
export function fitsEnvFile(value: string): boolean {
  return quoteFor(value) !== undefined;
}

function quoted(value: string): string {
  const quote = quoteFor(value);
  // Never shows the value, which may be a secret.
  if (quote === undefined) throw new Error("a value does not fit into an env file");
  return quote + escaped(value) + quote;
}

function quoteFor(value: string): string | undefined {
  // A backslash at the end would take the closing quote away; carriage returns become line feeds.
  if (value.endsWith("\\") || value.includes("\r")) return undefined;
  // Between double quotes, \n would become a line feed.
  return QUOTES.find((quote) => !value.includes(quote) && !(quote === '"' && value.includes("\\")));
}

function escaped(text: string): string {
  return text.replaceAll("$", "\\$");
}
