import type { IncomingMessage, ServerResponse } from "node:http";
import type { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createBrotliCompress, createGzip } from "node:zlib";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What APIs that are worth limiting answer. */
export const API_ENDPOINTS: Readonly<Record<string, Handler>> = {
  /** 200 for the password "right", 401 for any other. `?wait=` milliseconds before it answers. */
  "/login": async (request, response) => {
    const { password } = JSON.parse(await textOf(request)) as { password?: string };
    await sleep(numberOf(request, "wait"));
    response.writeHead(password === "right" ? 200 : 401).end();
  },
  "/v1/error": (_, response) => response.writeHead(500).end(),
  /**
   * A language model that used `?tokens=`, after `?wait=` milliseconds. Streams `?events=` events when there are any, and
   * says the usage in the last; otherwise one JSON document. Also in the field `X-Tokens`. Beside the usage stand the instants
   * at which it began and ended to work, by `performance.now()`.
   */
  "/v1/chat": async (request, response) => {
    const beganMs = performance.now();
    request.resume();
    const [tokens, events, wait] = ["tokens", "events", "wait"].map((name) => numberOf(request, name));
    const said = () =>
      JSON.stringify({ usage: { total_tokens: tokens }, beganMs, endedMs: performance.now() });
    response.setHeader("X-Tokens", String(tokens));
    await sleep(wait);
    if (!events) {
      response.setHeader("Content-Type", "application/json").end(said());
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (let i = 0; i < events && !response.destroyed; i++) {
      response.write(`data: {"delta":"word ${i}"}\n\n`);
      await sleep(5);
    }
    response.end(`data: ${said()}\n\ndata: [DONE]\n\n`);
  },
  /**
   * What the query says: `?status=`, the content type `?type=`, the coding `?packed=` (gzip, br), the field `X-Tokens` from
   * `?field=`, and each `?write=` in turn, `?pause=` milliseconds apart. Then it ends, breaks off with `?end=cut`, or with
   * `?end=hang` says no more.
   */
  "/answer": async (request, response) => {
    request.resume();
    const { searchParams } = new URL(request.url ?? "", "http://origin");
    const fields = { type: "Content-Type", packed: "Content-Encoding", field: "X-Tokens" };
    for (const [name, field] of Object.entries(fields)) {
      const value = searchParams.get(name);
      if (value !== null) response.setHeader(field, value);
    }
    response.writeHead(numberOf(request, "status") || 200).flushHeaders();
    const packer = PACKERS[searchParams.get("packed") ?? ""]?.();
    packer?.pipe(response);
    const body = packer ?? response;
    for (const text of searchParams.getAll("write")) {
      body.write(text);
      packer?.flush();
      await sleep(numberOf(request, "pause"));
    }
    const end = searchParams.get("end");
    if (end === "cut") request.socket.destroy();
    else if (end !== "hang") body.end();
  },
};

const PACKERS: Readonly<Record<string, () => Transform & { flush(): void }>> = {
  gzip: createGzip,
  br: createBrotliCompress,
};

function numberOf(request: IncomingMessage, name: string): number {
  return Number(new URL(request.url ?? "", "http://origin").searchParams.get(name) ?? 0);
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
