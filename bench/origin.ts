import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort } from "node:worker_threads";

/** Runs in a thread of its own: a small fixed answer to every request, on a free port told to the parent. */
const BODY = JSON.stringify({ message: "hello" });
const HEADERS = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(BODY) };

/** When each of these paths was asked for, epoch milliseconds. A message from the parent takes them away. */
const NOTED = "/noted/";
const noted = new Map<string, number>();

const server = createServer(({ url = "" }, response) => {
  if (url.startsWith(NOTED)) noted.set(url, performance.timeOrigin + performance.now());
  response.writeHead(200, HEADERS).end(BODY);
});
// A connection closed for being idle between two rounds would cost a request.
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  parentPort?.postMessage(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
parentPort?.on("message", () => {
  parentPort?.postMessage(new Map(noted));
  noted.clear();
});
