import { createHash } from "node:crypto";
import type { Command, Reply } from "./redis-connection.ts";
import { stripKeyLocking } from "./script-flags.ts";

type Text = string | Buffer;

/** A command for Redis, and the way from Redis' reply back to the one that the client expects. */
export type Rewritten = { command: Command; restore: (reply: Reply) => Reply };

type DigestTable = ReturnType<typeof createDigestTable>;

// No script has this digest, so Redis itself answers that it does not know it, also inside a transaction.
const ABSENT = "0".repeat(40);

/**
 * Lets clients name scripts by the digest of what they wrote, while Redis runs them without Upstash's flag.
 * Which scripts are loaded is still up to Redis: this only translates.
 */
export function createScriptDigests(): { rewrite: (command: Command) => Rewritten } {
  const table = createDigestTable();
  return {
    rewrite: (command) => {
      const [name = "", script, ...rest] = command;
      if (script === undefined) return unchanged(command);
      switch (name.toString().toUpperCase()) {
        case "EVAL":
        case "EVAL_RO":
          return unchanged([name, table.load(script).forRedis, ...rest]);
        case "EVALSHA":
        case "EVALSHA_RO":
          return unchanged([name, table.translate(script), ...rest]);
        case "SCRIPT":
          return rewriteScriptCommand(command, table);
        default:
          return unchanged(command);
      }
    },
  };
}

function rewriteScriptCommand(command: Command, table: DigestTable): Rewritten {
  const [name = "", verb = "", script, ...rest] = command;
  if (script !== undefined && isVerb(verb, "LOAD")) {
    const { forRedis, digest } = table.load(script);
    return { command: [name, verb, forRedis, ...rest], restore: () => Buffer.from(digest) };
  }
  if (isVerb(verb, "EXISTS")) return unchanged([name, verb, ...command.slice(2).map(table.translate)]);
  if (isVerb(verb, "FLUSH")) table.clear();
  return unchanged(command);
}

function createDigestTable() {
  const redisDigests = new Map<string, string>();
  const stripped = new Set<string>();
  return {
    load: (script: Text) => {
      // Latin-1 is one character per byte, so scripts that are not UTF-8 survive.
      const forRedis = Buffer.from(stripKeyLocking(Buffer.from(script).toString("latin1")), "latin1");
      const digest = sha1(Buffer.from(script));
      const redisDigest = sha1(forRedis);
      redisDigests.set(digest, redisDigest);
      stripped.add(redisDigest);
      return { forRedis, digest };
    },
    translate: (argument: Text): string => {
      const digest = argument.toString().toLowerCase();
      // Redis knows a stripped script by this digest, but no client has sent it, so Upstash would not.
      return redisDigests.get(digest) ?? (stripped.has(digest) ? ABSENT : digest);
    },
    clear: () => {
      redisDigests.clear();
      stripped.clear();
    },
  };
}

function isVerb(word: Text, verb: string): boolean {
  return word.toString().toUpperCase() === verb;
}

function unchanged(command: Command): Rewritten {
  return { command, restore: (reply) => reply };
}

function sha1(bytes: Buffer): string {
  return createHash("sha1").update(bytes).digest("hex");
}
