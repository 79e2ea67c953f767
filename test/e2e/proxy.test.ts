import { execFileSync } from "node:child_process";
import { request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { useGateway } from "../support/gateway.ts";
import { startWorker } from "../support/workerd.ts";

const MIB = 1024 * 1024;

const { send, ...gateway } = withParts(useGateway({ POLICIES: [{ name: "wide", limit: "100000/minute" }] }));

describe("a request reaches the origin as it was sent", () => {
  it("with its method, path, query and body", async () => {
    await send("/a%20b//c/?q=%2F&q=2", { method: "PUT", body: "text" });
    expect(gateway.seen().at(-1)).toMatchObject({ method: "PUT", url: "/a%20b//c/?q=%2F&q=2", body: "text" });
  });

  it("even when the path begins like a host", async () => {
    const response = await raw({ path: "//example.com/x" });
    expect(response.status).toBe(200);
    expect(gateway.seen().at(-1)?.url).toBe("//example.com/x");
  });

  it("with the caller's address, protocol and host for the origin to see", async () => {
    await send("/", { from: "192.0.2.1", headers: { "X-Forwarded-For": "203.0.113.9" } });
    const host = new URL(gateway.url()).host;
    expect(gateway.seen().at(-1)?.headers).toMatchObject({
      "x-forwarded-for": "203.0.113.9, 192.0.2.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": host,
    });
  });

  it("without repeating an address that is already the last", async () => {
    await send("/", { from: "192.0.2.1", headers: { "X-Forwarded-For": "203.0.113.9, 192.0.2.1" } });
    expect(gateway.seen().at(-1)?.headers["x-forwarded-for"]).toBe("203.0.113.9, 192.0.2.1");
  });

  it("without the fields that speak of one connection", async () => {
    await raw({
      headers: { Connection: "keep-alive, X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=5", TE: "trailers" },
    });
    const headers = gateway.seen().at(-1)?.headers ?? {};
    expect(headers).not.toHaveProperty("te");
    expect(headers).not.toHaveProperty("keep-alive");
  });

  it("with its conditions and ranges", async () => {
    expect((await send("/cached", { headers: { "If-None-Match": '"v1"' } })).status).toBe(304);
    const range = await send("/range", { headers: { Range: "bytes=2-4" } });
    expect([range.status, range.headers.get("x-range"), await range.text()]).toEqual([
      206,
      "bytes=2-4",
      "cde",
    ]);
  });
});

describe("a request whose address cannot be read", () => {
  it.each(["foo:99999", "[", "a b", "%zz"])("is answered 400 and goes nowhere: Host %s", async (Host) => {
    const before = gateway.seen().length;
    expect((await raw({ headers: { Host } })).status).toBe(400);
    expect(gateway.seen().length).toBe(before);
  });

  it("is forwarded with the path that policies were matched with", async () => {
    await raw({ path: "/a", headers: { Host: "h\\x" } });
    expect(gateway.seen().at(-1)?.url).toBe("/x/a");
  });
});

describe("an answer reaches the client as the origin sent it", () => {
  it("with redirects not followed", async () => {
    const response = await send("/redirect");
    expect([response.status, response.headers.get("location")]).toEqual([302, "/elsewhere?a=b"]);
  });

  it("with 204 and 304 without a body", async () => {
    expect((await send("/no-content")).status).toBe(204);
    const fresh = await send("/cached", { headers: { "If-None-Match": '"v1"' } });
    expect([fresh.status, fresh.headers.get("etag")]).toEqual([304, '"v1"']);
  });

  it("with the length but no body for HEAD", async () => {
    const response = await send("/sized", { method: "HEAD" });
    expect([response.status, response.headers.get("content-length")]).toEqual([200, "5"]);
    expect(gateway.seen().at(-1)?.method).toBe("HEAD");
  });

  it("with its length", async () => {
    expect((await send("/sized")).headers.get("content-length")).toBe("5");
  });

  it("with every Set-Cookie on its own", async () => {
    expect((await send("/cookies")).headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2, x"]);
  });

  it("with a compressed body byte for byte", async () => {
    const { headers, body } = await raw({ path: "/gzip", headers: { "Accept-Encoding": "gzip" } });
    expect(headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(body).toString()).toBe("unpacked");
  });

  it("with its own error", async () => {
    const response = await send("/error");
    expect([response.status, await response.text()]).toEqual([500, "the origin's own error"]);
    expect(response.headers.get("x-own")).toBe("origin");
    expect(response.headers.get("ratelimit")).toMatch(/^"wide"/);
  });
});

describe("bodies stream", () => {
  it("to the client before the origin is done", async () => {
    const reader = (await send("/drip")).body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toBe("first");
  });

  it("to the origin before the client is done", async () => {
    const uploading = new TransformStream<Uint8Array, Uint8Array>();
    const writer = uploading.writable.getWriter();
    const answer = send("/echo", { method: "POST", body: uploading.readable, duplex: "half" } as RequestInit);
    void writer.write(new TextEncoder().encode("first"));
    const reader = (await answer).body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
    await writer.close();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("64 MiB up and 64 MiB down without being held in memory", async () => {
    await send("/count", { method: "POST", body: Buffer.alloc(MIB) });
    const before = residentMib();
    const up = await send("/count", { method: "POST", body: Buffer.alloc(64 * MIB) });
    expect(await up.text()).toBe(String(64 * MIB));
    let bytes = 0;
    for await (const chunk of (await send("/big")).body ?? []) bytes += chunk.length;
    expect(bytes).toBe(64 * MIB);
    expect(residentMib() - before).toBeLessThan(48);
  });
});

describe("what happens on one side reaches the other", () => {
  it("a client that leaves", async () => {
    const leaving = new AbortController();
    const response = await send("/endless", { signal: leaving.signal });
    await response.body?.getReader().read();
    leaving.abort();
    expect(await gateway.aborted()).toBe("/endless");
  });

  it("an origin that breaks off before it answers, as 502", async () => {
    const response = await send("/reset");
    expect(response.status).toBe(502);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toMatchObject({ status: 502, title: "Bad Gateway" });
  });

  it("an origin that breaks off in the middle, as a broken body", async () => {
    const response = await send("/half");
    expect(
      await response.text().then(
        () => "whole",
        () => "broken",
      ),
    ).toBe("broken");
  });

  it("a status that HTTP does not have, as 502", async () => {
    expect((await send("/strange")).status).toBe(502);
    expect((await send("/strange", { method: "HEAD" })).status).toBe(502);
  });

  it("an origin that is not there, as 502", async () => {
    const weir = await startWorker({ vars: { ORIGIN: `http://127.0.0.1:${await freePort()}` } });
    const response = await fetch(weir.url);
    await weir.stop();
    expect(response.status).toBe(502);
  });

  it("a WebSocket's messages, both ways", async () => {
    const socket = new WebSocket(`${gateway.url().replace("http", "ws")}/socket`);
    const echoed = new Promise((message) => socket.once("message", (data) => message(String(data))));
    socket.once("open", () => socket.send("hello"));
    expect(await echoed).toBe("hello");
    socket.close();
  });
});

describe("a request that is no opening of a WebSocket, and says so", () => {
  it("reaches the origin without it: only GET opens one", async () => {
    const { hostname, port } = new URL(gateway.url());
    const headers = {
      ...{ Connection: "Upgrade", Upgrade: "websocket" },
      ...{ "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" },
    };
    const answer = await new Promise<number>((done, failed) => {
      const request = httpRequest(
        { hostname, port, path: "/no-socket", method: "POST", headers },
        (response) => {
          response.resume();
          done(response.statusCode ?? 0);
        },
      );
      request
        .on("upgrade", () => failed(new Error("upgraded")))
        .on("error", failed)
        .end("text");
    });
    expect(answer).toBe(200);
    const seen = gateway.seen().find(({ url }) => url === "/no-socket");
    expect([seen?.method, seen?.headers.upgrade]).toEqual(["POST", undefined]);
  });
});

describe("the path under an origin with a path of its own", () => {
  it("is appended to it", async () => {
    const weir = await startWorker({ vars: { ORIGIN: `${gateway.origin()}/base/` } });
    await fetch(`${weir.url}/x?y=1`);
    await weir.stop();
    expect(gateway.seen().at(-1)?.url).toBe("/base/x?y=1");
  });
});

/** Node's own fetch decodes bodies and refuses some fields; this does neither. */
function raw(options: { path?: string; headers?: Record<string, string> }) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
    (answered, failed) => {
      const { hostname, port } = new URL(gateway.url());
      const outgoing = httpRequest({ hostname, port, path: "/", ...options }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        answered({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
      outgoing.once("error", failed).end();
    },
  );
}

function residentMib(): number {
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(gateway.pid())], { encoding: "utf8" })) / 1024;
}

function freePort(): Promise<number> {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => found(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function withParts(whole: ReturnType<typeof useGateway>) {
  return {
    send: whole.send,
    url: () => whole.weir.url,
    pid: () => whole.weir.pid,
    origin: () => whole.origin.url,
    seen: () => whole.origin.seen,
    aborted: () => whole.origin.aborted,
  };
}
