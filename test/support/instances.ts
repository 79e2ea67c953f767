import { Agent, get } from "node:http";

/** One way in: what a load balancer would have behind it. */
export interface Instance {
  readonly url: string;
  readonly agent: Agent;
}

/** How often each answer came: "allowed" and "refused", decided by the store, or what came instead. */
export type Answers = Map<string, number>;

/** workerd closes connections that were idle for five seconds: closed here before, no request can meet that. */
const IDLE_MS = 2_000;

export function createInstances(urls: readonly string[], connections = Number.POSITIVE_INFINITY): Instance[] {
  return urls.map((url) => ({
    url,
    agent: new Agent({ keepAlive: true, timeout: IDLE_MS, maxSockets: connections }),
  }));
}

/** Sends one request. Never rejects: what went wrong is an answer too. */
export function ask({ url, agent }: Instance, path: string, caller: string): Promise<string> {
  return new Promise((answered) => {
    get(url + path, { agent, headers: { "X-User-Id": caller } }, (response) => {
      response.on("error", ({ message }) => answered(message));
      response.on("end", () => answered(answerOf(response.statusCode ?? 0, "ratelimit" in response.headers)));
      response.resume();
    }).on("error", ({ message }) => answered(message));
  });
}

/** When the store fails, Weir leaves out the RateLimit field. */
function answerOf(status: number, decided: boolean): string {
  if (decided && status === 200) return "allowed";
  if (decided && status === 429) return "refused";
  return decided ? String(status) : `${status} without RateLimit`;
}

export function count(answers: Answers, answer: string): void {
  answers.set(answer, (answers.get(answer) ?? 0) + 1);
}

export interface BurstOptions {
  readonly requests: number;
  readonly connections: number;
  readonly path: string;
  readonly caller: string;
}

/** Sends requests of one caller as fast as the connections allow, dealt out to the instances in turn. */
export async function sendBurst(urls: readonly string[], options: BurstOptions) {
  const { requests, connections, path, caller } = options;
  const instances = createInstances(urls, Math.ceil(connections / urls.length));
  const answers: Answers = new Map();
  const startMs = performance.now();
  let sent = 0;
  const sendNext = async (connection: number): Promise<void> => {
    const instance = instances[connection % instances.length] as Instance;
    while (sent < requests) {
      sent += 1;
      count(answers, await ask(instance, path, caller));
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => sendNext(connection)));
  const elapsedMs = performance.now() - startMs;
  for (const { agent } of instances) agent.destroy();
  return { answers, elapsedMs };
}
