import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { useBrowser } from "../support/browser.ts";
import { useGateway } from "../support/gateway.ts";

const TOKEN = "an-admin-token-of-at-least-32-characters";
const gateway = useGateway({
  ADMIN_TOKEN: TOKEN,
  POLICIES: [
    { name: "chat-user", match: "POST /chat/*", key: "header:x-user-id | ip", limit: "3/minute, 60/hour" },
    { name: "api", match: "/api/*", key: "ip", limit: "1000/minute" },
  ],
});
const browser = useBrowser();

const chat = (user: string) =>
  gateway
    .send("/chat/message", { method: "POST", headers: { "X-User-Id": user } })
    .then(({ status }) => status);

/** Signed in. Problems are errors in the console, exceptions, and what the page's own policy forbade. */
async function openDashboard(): Promise<{ page: Page; problems: string[] }> {
  const page = await browser().newPage();
  const problems: string[] = [];
  page.on("pageerror", ({ message }) => problems.push(message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  await page.goto(`${gateway.weir.url}/_weir/`);
  await page.getByLabel("Admin token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Look up" }).waitFor();
  return { page, problems };
}

async function lookUp(page: Page, user: string): Promise<void> {
  await page.getByLabel("Value").fill(user);
  await page.getByRole("button", { name: "Look up" }).click();
  await page.getByRole("article", { name: "chat-user" }).waitFor();
}

/** Opens an action's dialog on the card, confirms it, and closes it. */
async function act(page: Page, action: string): Promise<void> {
  await page.getByRole("button", { name: `${action} chat-user`, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: action, exact: true }).click();
  await dialog.getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "detached" });
}

describe("the dashboard in front of real traffic", () => {
  beforeAll(async () => {
    for (let i = 0; i < 20; i += 1) await gateway.send("/api/items", { from: "203.0.113.7" });
    for (let i = 0; i < 6; i += 1) await chat("noisy");
  });

  it("shows it: sums, policies, refused keys and the store", async () => {
    const { page, problems } = await openDashboard();
    const region = (name: string) => page.getByRole("region", { name });
    // Each isolate hands over what it counted every few seconds.
    const total = region("Traffic").locator(".totals .allowed b");
    await expect.poll(() => total.innerText(), { timeout: 20_000 }).toMatch(/^2[3-9]$|^[3-9]\d$/);
    expect(Number(await region("Traffic").locator(".totals .refused b").innerText())).toBeGreaterThanOrEqual(
      3,
    );
    const row = page.getByRole("row").filter({ hasText: "3 / minute, 60 / hour" });
    expect(await row.innerText()).toMatch(/enforce\s+[1-9]/);
    await region("Most refused keys")
      .getByRole("button", { name: /^Inspect .* of chat-user/ })
      .first()
      .click();
    await page.getByRole("article", { name: "chat-user" }).getByText("0 of 3 / minute left").waitFor();
    await region("Store").getByText("Answering").waitFor();
    expect(problems).toEqual([]);
  });

  it("finds which policy refuses a user, blocks another, and lets both in", async () => {
    for (let i = 0; i < 3; i += 1) expect(await chat("alice")).toBe(200);
    expect(await chat("alice")).toBe(429);
    const { page, problems } = await openDashboard();
    await lookUp(page, "alice");
    await page.getByText(/^chat-user refuses this user: next room at \d\d:\d\d:\d\d\.$/).waitFor();
    await act(page, "Lift");
    await page.getByText("Has room", { exact: true }).waitFor();

    expect(await chat("bob")).toBe(200);
    await lookUp(page, "bob");
    await act(page, "Block");
    await page.getByText("Blocked", { exact: true }).waitFor();
    expect(await chat("bob")).toBe(429);
    await act(page, "Lift");
    await page.getByText("Has room", { exact: true }).waitFor();

    // At the latest when the isolate forgets the refusals that it knows.
    for (const user of ["alice", "bob"]) {
      await expect.poll(() => chat(user), { timeout: 12_000, interval: 500 }).toBe(200);
    }
    expect(problems).toEqual([]);
  });

  it("gives a user another limit", async () => {
    const { page } = await openDashboard();
    await lookUp(page, "carol");
    await page.getByRole("button", { name: "Override chat-user" }).click();
    await page.getByLabel("New limit").fill("1/minute");
    await page.getByRole("dialog").getByRole("button", { name: "Override", exact: true }).click();
    await page.getByRole("dialog").getByText("1 of 1 / minute left").waitFor();
    expect([await chat("carol"), await chat("carol")]).toEqual([200, 429]);
  });

  it("says what the Worker says of a limit that is none", async () => {
    const { page } = await openDashboard();
    await lookUp(page, "dave");
    await page.getByRole("button", { name: "Override chat-user" }).click();
    await page.getByLabel("New limit").fill("5/fortnight");
    await page.getByRole("dialog").getByRole("button", { name: "Override", exact: true }).click();
    await page.getByRole("dialog").getByRole("alert").filter({ hasText: "fortnight" }).waitFor();
  });

  it("asks for the token again and again, and then not for a while", async () => {
    const page = await browser().newPage({ extraHTTPHeaders: { "CF-Connecting-IP": "203.0.113.99" } });
    await page.goto(`${gateway.weir.url}/_weir/`);
    const alert = page.getByRole("alert");
    for (let i = 0; i < 6; i += 1) {
      await page.getByLabel("Admin token").fill(`wrong-${i}`);
      const answer = page.waitForResponse("**/policies");
      await page.getByRole("button", { name: "Sign in" }).click();
      await answer;
    }
    await alert
      .filter({ hasText: /^Too many wrong tokens came from your address\. Try again in \d+ (s|min)\.$/ })
      .waitFor();
  });
});
