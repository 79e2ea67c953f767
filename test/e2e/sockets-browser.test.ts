import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { useBrowser } from "../support/browser.ts";
import { newAddress, useGateway } from "../support/gateway.ts";
import { LONG_TIMEOUT } from "../support/ladder.ts";

const gateway = useGateway({
  STORE_TIMEOUT: LONG_TIMEOUT,
  POLICIES: [
    { name: "connections", match: "/chat", on: "connection", limit: "5 concurrent" },
    { name: "opening", match: "/rate", on: "connection", limit: "1/minute" },
    { name: "messages", match: "/chat", on: "message", limit: "3/minute", strikes: 3 },
  ],
});
const browser = useBrowser();

/** A page of a caller that no other test knows. */
async function newPage(): Promise<Page> {
  const context = await browser().newContext({ extraHTTPHeaders: { "CF-Connecting-IP": newAddress() } });
  const page = await context.newPage();
  await page.goto(`${gateway.weir.url}/page`);
  return page;
}

const socketUrl = (path: string) => gateway.weir.url.replace("http", "ws") + path;

/** Opens sockets one after the other in the page, and waits until the last is closed. Of each: "open", or how it was closed. */
function openSockets(page: Page, count: number, path: string, protocols: readonly string[] = []) {
  return page.evaluate(
    async ({ count, url, protocols }) => {
      const found = Array<string>(count).fill("open");
      let last: Promise<unknown> = Promise.resolve();
      for (let i = 0; i < count; i++) {
        const socket = new WebSocket(url, [...protocols]);
        const closed = new Promise<void>((tell) => {
          socket.onclose = ({ code, reason, wasClean }) => {
            found[i] = `${code} ${reason}${wasClean ? "" : " (not clean)"}`;
            tell();
          };
        });
        await new Promise<unknown>((settled) => {
          socket.onopen = settled;
          closed.then(settled);
        });
        last = closed;
      }
      await last;
      return found;
    },
    { count, url: socketUrl(path), protocols },
  );
}

describe("a page in a browser", () => {
  it("sees its sixth socket refused, with code and reason", async () => {
    const found = await openSockets(await newPage(), 6, "/chat");
    expect(found).toEqual([...Array(5).fill("open"), "1008 rate limited; retry after 1s"]);
  });

  it("sees the refusal also when it asked for sub-protocols", async () => {
    const found = await openSockets(await newPage(), 2, "/rate", ["chat.v2", "chat.v1"]);
    expect(found[0]).toBe("open");
    expect(found[1]).toMatch(/^1013 rate limited; retry after \d+s$/);
  });

  it("sees the frame that says a message was refused, and why the socket is closed", async () => {
    const page = await newPage();
    const { messages, farewell } = await page.evaluate(async (url) => {
      const messages: string[] = [];
      const socket = new WebSocket(url);
      socket.onmessage = ({ data }) => messages.push(data);
      await new Promise((opened) => {
        socket.onopen = opened;
      });
      const closed = new Promise<CloseEvent>((tell) => {
        socket.onclose = tell;
      });
      for (let i = 0; i < 3; i++) {
        socket.send(`message ${i}`);
        while (messages.length <= i) await new Promise((later) => setTimeout(later, 5));
      }
      for (let i = 3; i < 6; i++) socket.send(`message ${i}`);
      const { code, reason } = await closed;
      return { messages, farewell: `${code} ${reason}` };
    }, socketUrl("/chat"));
    expect(messages.slice(0, 3)).toEqual(["message 0", "message 1", "message 2"]);
    expect(messages.slice(3).map((message) => JSON.parse(message))).toEqual(
      Array(3).fill({
        type: "rate_limited",
        policy: "messages",
        retry_after_seconds: expect.any(Number),
      }),
    );
    expect(farewell).toMatch(/^1008 rate limited; retry after \d+s$/);
  });
});
