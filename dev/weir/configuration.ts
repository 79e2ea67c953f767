import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { parse as parseToml } from "smol-toml";
import { didYouMean } from "../../src/config/nearest.ts";
import type { Problem } from "../../src/config/problem.ts";
import { UsageError } from "./usage-error.ts";

/** What a Worker's environment would be, read from its configuration file. */
export interface Configuration {
  /** As it was given. */
  readonly file: string;
  /** Variables, secrets as far as they are known, and bindings. */
  readonly env: Readonly<Record<string, unknown>>;
  /** What is wrong beyond the variables. */
  readonly problems: readonly Problem[];
}

export interface ConfigurationOptions {
  /** One of wrangler's environments (`[env.staging]`); undefined: the top level. */
  readonly environment?: string | undefined;
  /** Names of secrets that only the deployment has. */
  readonly secrets?: readonly string[];
}

type Table = Readonly<Record<string, unknown>>;

/**
 * Reads a `wrangler.toml` as wrangler does: an environment of its own inherits no variables and no bindings. `.dev.vars`
 * beside it fills in what `[vars]` does not set: the secrets. Throws a `UsageError` when there is no such file or environment.
 */
export function readConfiguration(
  file: string,
  { environment, secrets = [] }: ConfigurationOptions = {},
): Configuration {
  const whole = parseFile(file);
  const table = environment === undefined ? whole : environmentOf(whole, environment, file);
  const vars = tableAt(table, "vars");
  const required = tableAt(table, "secrets").required;
  const names = [...secrets, ...(Array.isArray(required) ? required.map(String) : [])];
  const env = {
    ...Object.fromEntries(names.map((name) => [name, standIn(name)])),
    ...devVars(dirname(file), environment),
    ...vars,
    ...bindings(table),
  };
  return { file, env, problems: bindingProblems(table, env, environment) };
}

function parseFile(file: string): Table {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  try {
    return (file.endsWith(".json") ? JSON.parse(text) : parseToml(text)) as Table;
  } catch (error) {
    throw new UsageError(`${file} is not valid: ${error instanceof Error ? error.message.trim() : error}`);
  }
}

function environmentOf(whole: Table, name: string, file: string): Table {
  const environments = tableAt(whole, "env");
  if (Object.hasOwn(environments, name)) return tableAt(environments, name);
  const known = Object.keys(environments);
  throw new UsageError(`${file} has no environment [env.${name}]${didYouMean(name, known)}`);
}

function tableAt(table: Table, name: string): Table {
  const value = table[name];
  return typeof value === "object" && value !== null ? (value as Table) : {};
}

/** Stands for a secret whose value is unknown here, and is right as any of them. */
const standIn = (name: string): string =>
  name.endsWith("_URL") ? "https://secret.invalid" : "a-secret-that-only-the-deployment-has-the-value-of";

function devVars(folder: string, environment: string | undefined): Table {
  const names = [...(environment === undefined ? [] : [`.dev.vars.${environment}`]), ".dev.vars"];
  const file = names.map((name) => join(folder, name)).find((path) => existsSync(path));
  return file === undefined ? {} : parseEnv(readFileSync(file, "utf8"));
}

/** What a Worker has for a service binding. */
const SERVICE = { fetch: () => Promise.reject(new Error("only a Worker has bindings")) };

function bindings(table: Table): Table {
  const { services } = table;
  const bound = Array.isArray(services) ? (services as Table[]).map(({ binding }) => String(binding)) : [];
  return Object.fromEntries(bound.map((name) => [name, SERVICE]));
}

/** An environment that forgot to repeat the binding would not start. */
function bindingProblems(table: Table, env: Table, environment: string | undefined): Problem[] {
  const store = env.STORE === undefined || env.STORE === "" ? "durable-object" : env.STORE;
  const objects = tableAt(table, "durable_objects").bindings;
  const isBound = Array.isArray(objects) && (objects as Table[]).some(({ name }) => name === "COUNTERS");
  if (store !== "durable-object" || isBound) return [];
  const where = environment === undefined ? "" : `env.${environment}.`;
  return [
    {
      path: `${where}durable_objects.bindings`,
      message: `STORE = "durable-object" needs the binding COUNTERS; copy it from Weir's own wrangler.toml${
        environment === undefined ? "" : " (wrangler hands no bindings down to environments)"
      }`,
    },
  ];
}
