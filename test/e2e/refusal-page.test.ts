import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { useBrowser } from "../support/browser.ts";
import { newAddress, useGateway } from "../support/gateway.ts";

const gateway = useGateway({
  POLICIES: [
    { name: "soon", match: "/soon", limit: "1/5s" },
    { name: "later", match: "/later", limit: "1/minute" },
  ],
});
const browser = useBrowser();

/** A page whose caller has just used up the limit of `path`. */
async function limitedPage(path: string, javaScriptEnabled = true): Promise<Page> {
  const from = newAddress();
  const context = await browser().newContext({
    javaScriptEnabled,
    extraHTTPHeaders: { "CF-Connecting-IP": from },
  });
  const page = await context.newPage();
  expect((await gateway.send(path, { from })).status).toBe(200);
  return page;
}

describe("the page of a refusal", () => {
  it("counts down and then tries again by itself", async () => {
    const page = await limitedPage("/soon");
    const problems: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    const refused = await page.goto(`${gateway.weir.url}/soon`);
    expect(refused?.status()).toBe(429);
    expect(await page.textContent("main")).toMatch(/Limit of 1 request per 5 seconds reached.*[1-5] s/s);
    expect(await page.locator("#again").isVisible()).toBe(false);
    await page.getByText("ok", { exact: true }).waitFor();
    // The browser itself reports the status; a blocked script or style would be reported too.
    expect(problems.filter((text) => !text.includes("429"))).toEqual([]);
  });

  it("does not try again by itself after a reload", async () => {
    const page = await limitedPage("/soon");
    await page.goto(`${gateway.weir.url}/soon`);
    await page.reload();
    const loads = gateway.origin.seen.length;
    await page.getByText("You can try again now.").waitFor();
    expect(await page.getByRole("link", { name: "Try again" }).isVisible()).toBe(true);
    expect(gateway.origin.seen.length).toBe(loads);
  });

  it("says everything without script", async () => {
    const page = await limitedPage("/later", false);
    await page.goto(`${gateway.weir.url}/later`);
    expect(await page.textContent("main")).toMatch(/try again in \d+ seconds/);
    expect(await page.getByRole("link", { name: "Try again" }).isVisible()).toBe(true);
  });
});
