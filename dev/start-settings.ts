import { fitsEnvFile } from "./env-file.ts";
import { weirVariables } from "./weir-variables.ts";

const DEFAULT_PORT = 8787;
const THIS_MACHINE = ["127.0.0.1", "localhost", "[::1]"];

export type StartSettings = {
  port: number;
  /** The http(s) URL of the user's own server, as it was typed; undefined stands for the demo origin. */
  origin: string | undefined;
  variables: Record<string, string>;
};

type Parsed<T> = { ok: true; value: T } | { ok: false; problem: string };

/** What `npm start` reads from the environment. */
export function parseStartSettings(env: NodeJS.ProcessEnv): Parsed<StartSettings> {
  const port = parsePort(env.PORT);
  if (!port.ok) return port;
  const origin = parseOrigin(env.ORIGIN, port.value);
  if (!origin.ok) return origin;
  const variables = weirVariables(env);
  const unfit = Object.entries({ ORIGIN: origin.value ?? "", ...variables }).find(
    ([, value]) => !fitsEnvFile(value),
  );
  if (unfit !== undefined) return { ok: false, problem: unfitValue(unfit[0]) };
  return { ok: true, value: { port: port.value, origin: origin.value, variables } };
}

function unfitValue(name: string): string {
  return (
    `${name} cannot be handed on: it has a carriage return, ends with a backslash, or has every kind of quote. ` +
    "Set it in wrangler.toml instead."
  );
}

function parsePort(text: string | undefined): Parsed<number> {
  if (text === undefined || text.trim() === "") return { ok: true, value: DEFAULT_PORT };
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return { ok: true, value: port };
  return { ok: false, problem: `PORT is "${text}", but a port is a whole number from 1 to 65535.` };
}

function parseOrigin(text: string | undefined, port: number): Parsed<string | undefined> {
  if (text === undefined || text.trim() === "") return { ok: true, value: undefined };
  const url = URL.parse(text.trim());
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    return {
      ok: false,
      problem: `ORIGIN is "${text}", but it has to be an http or https URL, such as http://127.0.0.1:3000.`,
    };
  }
  if (THIS_MACHINE.includes(url.hostname) && portOf(url) === port) {
    return {
      ok: false,
      problem: `ORIGIN is at port ${port}, where Weir itself would listen: choose another one for Weir, such as PORT=${port + 1}.`,
    };
  }
  return { ok: true, value: text.trim() };
}

/** The port of a URL, also where the URL leaves it to its scheme. */
export function portOf(url: URL): number {
  if (url.port !== "") return Number(url.port);
  return url.protocol === "https:" ? 443 : 80;
}
