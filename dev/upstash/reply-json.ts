import { ErrorReply } from "@redis/client";
import type { Reply } from "./redis-connection.ts";

/** What became of one command. */
export type Outcome = { result: Reply } | { error: string };

/** The JSON of an outcome. It is written by hand because `JSON.stringify` cannot write 64-bit integers. */
export function outcomeJson(outcome: Outcome, base64: boolean): string {
  if ("error" in outcome) return `{"error":${JSON.stringify(outcome.error)}}`;
  return `{"result":${resultJson(outcome.result, base64)}}`;
}

// OK stays as it is only where it is the whole result: clients decode every string inside an array.
function resultJson(reply: Reply, base64: boolean): string {
  if (Buffer.isBuffer(reply) && reply.equals(OK)) return '"OK"';
  return replyJson(reply, base64);
}

const OK = Buffer.from("OK");

function replyJson(reply: Reply, base64: boolean): string {
  if (reply === null) return "null";
  if (typeof reply === "string") return reply;
  if (Buffer.isBuffer(reply)) return stringJson(reply, base64);
  if (reply instanceof ErrorReply) return stringJson(Buffer.from(reply.message), base64);
  return `[${reply.map((item) => replyJson(item, base64)).join(",")}]`;
}

// Without base64, bytes that are not UTF-8 become U+FFFD, as Upstash documents it.
function stringJson(bytes: Buffer, base64: boolean): string {
  return JSON.stringify(bytes.toString(base64 ? "base64" : "utf8"));
}
