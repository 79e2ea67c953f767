/** Sends one command over REST and returns its result; rejects with what the server said. One attempt only. */
export type UpstashRest = (command: readonly (string | number)[], signal: AbortSignal) => Promise<unknown>;

/**
 * The one call of Upstash's REST interface that a script needs: `POST /` with the command as a JSON list gives
 * `{"result"}`, or another status with `{"error"}`.
 */
export function createUpstashRest(url: string, token: string): UpstashRest {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return async (command, signal) => {
    const body = JSON.stringify(command);
    const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
    const reply: unknown = await response.json();
    if (response.ok && isObject(reply) && "result" in reply) return reply.result;
    throw new Error(
      isObject(reply) && typeof reply.error === "string" ? reply.error : `status ${response.status}`,
    );
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
