import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "playwright-core";
import { parse } from "smol-toml";
import { afterAll, describe, expect, it } from "vitest";
import { type DemoOrigin, startDemoOrigin } from "../../dev/demo-origin.ts";
import { useBrowser } from "../support/browser.ts";
import { useGateway } from "../support/gateway.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const { vars } = parse(readFileSync(resolve(ROOT, "wrangler.toml"), "utf8"));

const demo: DemoOrigin = await startDemoOrigin();
afterAll(demo.close);
const gateway = useGateway({ ...(vars as Record<string, unknown>), ORIGIN: demo.url });
const browser = useBrowser();

const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
const status = (page: Page, text: string | RegExp) =>
  page.locator("#socket-status").filter({ hasText: text }).waitFor();
const lines = (page: Page) => page.locator("#entries li").allInnerTexts();

describe("the demo's page, in front of which Weir stands as `npm start` sets it up", () => {
  it("shows the sixth socket and the messages over the limit refused, and the sockets closed in the end", async () => {
    const page = await browser().newPage();
    const problems: string[] = [];
    page.on("pageerror", ({ message }) => problems.push(message));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(gateway.weir.url);

    for (let socket = 1; socket <= 5; socket += 1) {
      await press(page, "Open a socket");
      await status(page, `#${socket} is open.`);
    }
    await press(page, "Open a socket");
    await status(page, "#6 was refused.");
    expect(await page.textContent("#open-count")).toBe("5 of 5");
    expect((await lines(page))[0]).toMatch(
      /Closed at once: 1008 \(policy violation\), “rate limited; retry after \d+s”/,
    );

    await press(page, "Send a message");
    await status(page, "Sent 1: 1 echoed, 0 refused.");
    await press(page, "Send 25 quickly");
    await status(page, "Sent 25: 19 echoed, 6 refused.");
    const refused = (await lines(page)).filter((line) => line.includes("rate_limited"));
    expect(refused).toHaveLength(6);
    expect(refused.join()).toMatch(/rate_limited, wait \d+ s/);
    expect(await page.textContent("#message-refusal code")).toContain('"type":"rate_limited"');

    await press(page, "Close the newest");
    await status(page, "#5 is closed.");
    await press(page, "Open a socket");
    await status(page, "#7 is open.");

    // Ten refused in a row close a socket: here first five for each, then the rest.
    await press(page, "Send 25 quickly");
    await status(page, /Sent 25: 0 echoed, \d+ refused/);
    await press(page, "Send 25 quickly");
    await page.getByText("0 of 5").waitFor();
    expect((await lines(page)).join()).toContain("1008 (policy violation), “rate limited; retry after");
    expect(await page.getByRole("button", { name: "Send a message" }).isDisabled()).toBe(true);
    expect(problems).toEqual([]);
  });

  it("says so when nothing answers", async () => {
    const page = await browser().newPage();
    await page.goto(gateway.weir.url);
    await page.context().setOffline(true);
    await press(page, "Open a socket");
    await status(page, "#1 could not be opened");
    expect((await lines(page))[0]).toContain("1006 (without a close frame)");
  });
});
