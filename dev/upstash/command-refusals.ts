import type { Command } from "./redis-connection.ts";

const CONNECTION = ["AUTH", "CLIENT", "HELLO", "QUIT", "RESET", "SELECT"];
const TRANSACTION = ["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH"];
const STREAMS = [
  "SUBSCRIBE",
  "PSUBSCRIBE",
  "SSUBSCRIBE",
  "UNSUBSCRIBE",
  "PUNSUBSCRIBE",
  "SUNSUBSCRIBE",
  "MONITOR",
];
const BLOCKING = [
  "BLPOP",
  "BRPOP",
  "BRPOPLPUSH",
  "BLMOVE",
  "BLMPOP",
  "BZPOPMIN",
  "BZPOPMAX",
  "BZMPOP",
  "WAIT",
  "WAITAOF",
];
// These would end or take over the server that the tests share.
const SERVER = ["SHUTDOWN", "DEBUG", "SYNC", "PSYNC", "REPLICAOF", "SLAVEOF", "FAILOVER"];
const REFUSED = new Set([...CONNECTION, ...TRANSACTION, ...STREAMS, ...BLOCKING, ...SERVER]);

/**
 * Why the REST API does not take this command, or undefined. All requests share a connection, so a command that
 * changes or holds a connection would reach the others: Upstash refuses those, and so do we.
 */
export function refusalOf(command: Command): string | undefined {
  const name = nameOf(command);
  if (!REFUSED.has(name) && !isBlockingRead(command)) return undefined;
  return `ERR Command "${name}" is not allowed in REST or it has a special context path`;
}

/** Redis' error in Upstash's words, where those differ. */
export function errorText(message: string): string {
  const unknown = /^ERR unknown command ['`](.*?)['`]/s.exec(message)?.[1];
  if (unknown === undefined) return message;
  const details = "See https://upstash.com/docs/redis/overall/rediscompatibility for details";
  return `ERR Command is not available: '${unknown.toUpperCase()}'. ${details}`;
}

function isBlockingRead(command: Command): boolean {
  if (!["XREAD", "XREADGROUP"].includes(nameOf(command))) return false;
  const words = command.map((word) => word.toString().toUpperCase());
  const keys = words.indexOf("STREAMS");
  return words.slice(1, keys === -1 ? undefined : keys).includes("BLOCK");
}

function nameOf(command: Command): string {
  return command[0]?.toString().toUpperCase() ?? "";
}
