import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUNDLE } from "./workerd.ts";

/**
 * What a counter object does when it is asked to take:
 * - `throw`: fails, nothing is counted
 * - `overloaded`: fails as the runtime does when too many calls are waiting for one object
 * - `hang`: never answers, nothing is counted
 * - `nonsense`: answers what is no answer
 * - `lose`: counts, then fails
 * - `slow`: does what it should, after `SLOW_MS`
 */
export type ObjectFault = "throw" | "overloaded" | "hang" | "nonsense" | "lose" | "slow";

export const SLOW_MS = 600;

export interface FaultyObjects {
  /** A copy of the built Worker whose counter objects ask this process before each take how to go on. */
  readonly script: string;
  /** How often objects were asked to take. */
  readonly takes: number;
  /** Makes every object fail that counts for this policy, until it is cleared. */
  set(policy: string, fault: ObjectFault): void;
  /** Takes that hang already go on hanging. */
  clear(): void;
  stop(): Promise<void>;
}

/** Durable Objects that fail for real, inside workerd, and not only in the place of an adapter. */
export async function startFaultyObjects(): Promise<FaultyObjects> {
  const faults = new Map<string, ObjectFault>();
  let takes = 0;
  const server = createServer((request, response) => {
    takes += 1;
    const policies = new URL(request.url ?? "", "http://control").searchParams.getAll("policy");
    const fault = policies.map((policy) => faults.get(policy)).find((found) => found !== undefined);
    if (fault === "slow") setTimeout(() => response.end(fault), SLOW_MS);
    else if (fault !== "hang") response.end(fault ?? "none");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const folder = await mkdtemp(join(tmpdir(), "weir-faulty-"));
  const script = join(folder, "index.js");
  await writeFile(script, sabotaged(await readFile(BUNDLE, "utf8"), `http://127.0.0.1:${port}/`));
  return {
    script,
    get takes() {
      return takes;
    },
    set: (policy, fault) => faults.set(policy, fault),
    clear: () => faults.clear(),
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}

/** The Worker's script with another `take` of its counter objects, under whatever name the bundler gave them. */
function sabotaged(bundle: string, control: string): string {
  const name = /export\s*\{[^}]*?([\w$]+) as CounterObject\b/.exec(bundle)?.[1];
  if (name === undefined) throw new Error("the built Worker has no CounterObject to sabotage");
  return `${bundle}
{
  const { prototype } = ${name};
  const { take } = prototype;
  if (typeof take !== "function") throw new Error("the CounterObject has no take to sabotage");
  prototype.take = async function (message) {
    // Of the texts in a message only the names of counts and lockouts have a slash.
    const names = message.filter((value) => typeof value === "string" && value.includes("/"));
    const policies = names.map((name) => "policy=" + name.split("/")[0]);
    // A hang has to be one of the network: the runtime cancels what waits for nothing.
    const fault = await (await fetch("${control}?" + policies.join("&"))).text();
    if (fault === "throw") throw new Error("the object is broken");
    if (fault === "overloaded") throw Object.assign(new Error("Durable Object is overloaded."), { overloaded: true });
    if (fault === "nonsense") return { admitted: "perhaps" };
    const reply = take.call(this, message);
    if (fault === "lose") throw new Error("the answer is lost");
    return reply;
  };
}
`;
}
