import { ErrorReply } from "@redis/client";
import { errorText, refusalOf } from "./command-refusals.ts";
import type { Command, RedisConnection, Reply } from "./redis-connection.ts";
import type { Outcome } from "./reply-json.ts";
import { createScriptDigests } from "./script-digests.ts";

export type CommandRunner = {
  one: (command: Command) => Promise<Outcome>;
  /** In order, but other requests' commands may come in between. */
  pipeline: (commands: readonly Command[]) => Promise<Outcome[]>;
  /** Nothing comes in between; a single outcome says why nothing was run. */
  transaction: (commands: readonly Command[]) => Promise<Outcome[] | { error: string }>;
};

/** Runs commands of the REST API on Redis. What is refused is an outcome; only a lost Redis rejects. */
export function createCommandRunner(redis: RedisConnection): CommandRunner {
  const scripts = createScriptDigests();

  // Up to `send` nothing may wait, or the commands of a pipeline would lose their order.
  async function one(command: Command): Promise<Outcome> {
    const refusal = problemOf(command);
    if (refusal !== undefined) return { error: refusal };
    const { command: forRedis, restore } = scripts.rewrite(command);
    try {
      return { result: restore(await redis.send(forRedis)) };
    } catch (error) {
      return refusedByRedis(error);
    }
  }

  async function transaction(commands: readonly Command[]): Promise<Outcome[] | { error: string }> {
    const refusal = commands.map(problemOf).find((problem) => problem !== undefined);
    if (refusal !== undefined) return { error: refusal };
    const rewritten = commands.map(scripts.rewrite);
    try {
      const replies = await redis.transaction(rewritten.map(({ command }) => command));
      return replies.map((reply, index) => outcomeOf(reply, rewritten[index]?.restore));
    } catch (error) {
      return refusedByRedis(error);
    }
  }

  return { one, transaction, pipeline: (commands) => Promise.all(commands.map(one)) };
}

function problemOf(command: Command): string | undefined {
  return command.length === 0 ? "ERR empty pipeline command" : refusalOf(command);
}

function outcomeOf(reply: Reply, restore: ((reply: Reply) => Reply) | undefined): Outcome {
  if (reply instanceof ErrorReply) return { error: reply.message };
  return { result: restore?.(reply) ?? reply };
}

function refusedByRedis(error: unknown): { error: string } {
  if (error instanceof ErrorReply) return { error: errorText(error.message) };
  throw error;
}
