import { createClient, type ErrorReply, RESP_TYPES } from "@redis/client";

/** A command as Redis takes it: its name and arguments, binary-safe. */
export type Command = ReadonlyArray<string | Buffer>;

/** A reply of Redis: strings are Buffers, integers are their digits, nested errors stay errors. */
export type Reply = Buffer | string | null | ErrorReply | readonly Reply[];

export type RedisConnection = {
  /** Rejects with an `ErrorReply` when Redis refuses the command. Commands run in the order of the calls. */
  send: (command: Command) => Promise<Reply>;
  /** Runs all commands or, when Redis cannot queue one of them, none: then it rejects with the reason. */
  transaction: (commands: readonly Command[]) => Promise<readonly Reply[]>;
  close: () => Promise<void>;
};

const RECONNECT_MS = 50;

// Digits instead of numbers keep 64-bit integers whole, and Buffers keep bytes that are not UTF-8.
const RAW_REPLIES = {
  [RESP_TYPES.NUMBER]: String,
  [RESP_TYPES.SIMPLE_STRING]: Buffer,
  [RESP_TYPES.BLOB_STRING]: Buffer,
};

export async function connectRedis(url: string): Promise<RedisConnection> {
  const shared = await open(url);
  // MULTI changes the state of its connection: on one of its own it cannot reach other requests, whatever fails.
  const isolated = await open(url);

  return {
    send: (command) => shared.sendCommand<Reply>(command),
    transaction: async (commands) => {
      const sent = [["MULTI"], ...commands, ["EXEC"]].map((command) => isolated.sendCommand<Reply>(command));
      const replies = await Promise.allSettled(sent);
      // The reason stands at the command that was not queued; EXEC only says that there was one.
      const refused = replies.find((reply) => reply.status === "rejected");
      if (refused !== undefined) throw refused.reason;
      return await resultsOf(sent.at(-1));
    },
    close: async () => {
      for (const client of [shared, isolated]) if (client.isOpen) client.destroy();
    },
  };
}

async function open(url: string) {
  let wasOpen = false;
  const client = createClient({
    url,
    // A Redis that is started again is found again; one that was never there is an error at once.
    socket: { reconnectStrategy: () => (wasOpen ? RECONNECT_MS : false) },
    // The REST API has the reply shapes of the older protocol, such as flat arrays for hashes.
    RESP: 2,
    commandOptions: { typeMapping: RAW_REPLIES },
    // Commands of the client itself would show in the statistics that tests count with.
    disableClientInfo: true,
    maintNotifications: "disabled",
    // A lost Redis has to be an error at once: the tests of failures wait for it.
    disableOfflineQueue: true,
  });
  // Every failed command rejects by itself; an error event without a listener would end the process.
  client.on("error", () => {});
  await client.connect();
  wasOpen = true;
  return client;
}

async function resultsOf(exec: Promise<Reply> | undefined): Promise<readonly Reply[]> {
  const results = await exec;
  if (!Array.isArray(results)) throw new Error("EXEC gave no list of results.");
  return results;
}
