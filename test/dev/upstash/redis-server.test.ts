import { existsSync } from "node:fs";
import { createClient } from "@redis/client";
import { describe, expect, it, onTestFinished } from "vitest";
import { startRedis } from "../../../dev/upstash/redis-server.ts";

describe("startRedis", () => {
  it("answers on a free port of this machine, and keeps nothing on disk", async () => {
    const client = await connectedTo((await started()).url);
    expect(await client.ping()).toBe("PONG");
    expect(await client.configGet(["bind", "save", "appendonly"])).toEqual({
      bind: "127.0.0.1",
      save: "",
      appendonly: "no",
    });
  });

  it("gives each caller a Redis of its own", async () => {
    const [first, second] = await Promise.all([started(), started()]);
    expect(first.port).not.toBe(second.port);
    await (await connectedTo(first.url)).set("key", "value");
    expect(await (await connectedTo(second.url)).get("key")).toBeNull();
  });

  it("takes the port that it is given", async () => {
    const { port, stop } = await startRedis();
    await stop();
    expect((await started({ port })).url).toBe(`redis://127.0.0.1:${port}`);
  });

  it("says what Redis said when the port is taken", async () => {
    const { port } = await started();
    await expect(startRedis({ port })).rejects.toThrow(
      /did not start on port \d+[\s\S]*Address already in use/,
    );
  });

  it("says how to install Redis when there is none", async () => {
    const failure = startRedis({ path: "/nowhere:" });
    await expect(failure).rejects.toThrow("No redis-server and no valkey-server was found");
    await expect(failure).rejects.toThrow(/\n.*apt-get install redis-server\n.*brew install redis/);
  });
});

describe("stop", () => {
  it("ends the process and removes its folder", async () => {
    const redis = await startRedis();
    const client = await connectedTo(redis.url);
    const { dir = "" } = await client.configGet("dir");
    expect(existsSync(dir)).toBe(true);
    client.destroy();

    await redis.stop();
    expect(existsSync(dir)).toBe(false);
    // Signal 0 only asks whether the process is there.
    expect(() => process.kill(redis.pid, 0)).toThrow("ESRCH");
  });

  it("may be called twice", async () => {
    const redis = await startRedis();
    await redis.stop();
    await expect(redis.stop()).resolves.toBeUndefined();
  });

  it("leaves other servers alone", async () => {
    const other = await started();
    await (await startRedis()).stop();
    expect(await (await connectedTo(other.url)).ping()).toBe("PONG");
  });
});

async function started(options?: { port: number }) {
  const redis = await startRedis(options);
  onTestFinished(redis.stop);
  return redis;
}

async function connectedTo(url: string) {
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => {
    if (client.isOpen) client.destroy();
  });
  return client;
}
