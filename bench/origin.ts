import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort } from "node:worker_threads";

/** Runs in a thread of its own: a small fixed answer to every request, on a free port told to the parent. */
const BODY = JSON.stringify({ message: "hello" });
const HEADERS = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(BODY) };

const server = createServer((_, response) => response.writeHead(200, HEADERS).end(BODY));
// A connection closed for being idle between two rounds would cost a request.
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  parentPort?.postMessage(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
