import { describe, expect, it } from "vitest";
import { keyId } from "./fake-api.ts";
import { manyPolicies, minute, quiet, snapshot, trafficOf } from "./fixtures.ts";
import { lookUp, panel, signIn, useDashboard } from "./use-dashboard.ts";
import { useFakeApi } from "./use-fake-api.ts";

const api = useFakeApi();
const { open, openSignedIn } = useDashboard(api);

describe("signing in", () => {
  it("starts at the token's field", async () => {
    const { page } = await open();
    await page.getByLabel("Admin token").and(page.locator(":focus")).waitFor();
  });

  it("with a wrong token says so, and keeps nothing", async () => {
    const { page, problems } = await open();
    await signIn(page, "wrong");
    await page.getByRole("alert").filter({ hasText: "The token is not accepted." }).waitFor();
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
    expect(problems).toEqual([]);
  });

  it.each([
    [
      { status: 429, detail: "", retryAfterSeconds: 43 },
      "Too many wrong tokens came from your address. Try again in 43 s.",
    ],
    [{ status: 404, detail: "Not found." }, "Administration is not turned on here: set ADMIN_TOKEN."],
    [{ status: 503, detail: "The store did not answer." }, "The store did not answer."],
  ])("tells what else is wrong: %j", async (trouble, text) => {
    const { page } = await open();
    api().trouble = trouble;
    await signIn(page);
    await page.getByRole("alert").filter({ hasText: text }).waitFor();
  });

  it("says that nothing answers", async () => {
    const { page } = await open();
    await page.context().setOffline(true);
    await signIn(page);
    await page.getByRole("alert").filter({ hasText: "Weir cannot be reached." }).waitFor();
  });

  it("lasts over a reload, until one signs out", async () => {
    const { page } = await open();
    await signIn(page);
    await page.getByRole("button", { name: "Look up" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Admin token").waitFor();
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
  });

  it("is asked for again when the token is changed", async () => {
    const { page } = await openSignedIn();
    api().trouble = { status: 401, detail: "" };
    await page.clock.fastForward(5_000);
    await page.getByRole("alert").filter({ hasText: "not accepted any more" }).waitFor();
  });
});

describe("the figures", () => {
  it("are there: traffic, store, policies, refused keys", async () => {
    const { page, problems } = await openSignedIn();
    expect(await panel(page, "Traffic").innerText()).toMatch(/Refused\s+570\s+4\.\d%/);
    expect(await page.getByRole("img").getAttribute("aria-label")).toMatch(/570 refused, 36 degraded/);
    const store = (await panel(page, "Store").innerText()).replace(/\s+/g, " ");
    for (const text of ["durable-object Answering", "Calls 5,210", "p99 18 ms", "Without a call 640 11%"]) {
      expect(store).toContain(text);
    }
    const row = page.getByRole("row").filter({ hasText: "header:x-user-id" });
    expect((await row.innerText()).replace(/\s+/g, " ")).toMatch(
      /5 \/ minute, 60 \/ hour enforce 231 11,418 .* 5% 570 3.5% 404/,
    );
    expect(await panel(page, "Most refused keys").innerText()).toContain("about 112");
    expect(problems).toEqual([]);
  });

  it("are drawn", async () => {
    const { page } = await openSignedIn();
    const colours = await page.locator(".chart canvas").evaluate((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number };
      const context = (
        canvas as unknown as {
          getContext(name: string): { getImageData(...box: number[]): { data: number[] } };
        }
      ).getContext("2d");
      const { data } = context.getImageData(0, 0, width, height);
      const seen = new Set<string>();
      for (let i = 0; i < data.length; i += 4) seen.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
      return [...seen];
    });
    // Refused, degraded and allowed, as the style has them.
    expect(colours).toEqual(expect.arrayContaining(["200,67,26", "217,164,0", "143,195,207"]));
  });

  it("come anew every five seconds", async () => {
    const { page } = await openSignedIn();
    const now = Date.now();
    api().snapshot = {
      ...snapshot(),
      minutes: [minute(Math.floor(now / 60_000) * 60_000, { allowed: 7_654 })],
    };
    await page.clock.fastForward(5_000);
    await panel(page, "Traffic").locator("b", { hasText: "7,654" }).waitFor();
  });

  it("are also a table", async () => {
    const { page } = await openSignedIn();
    await page.getByText("Show as a table").click();
    expect(await page.getByRole("region", { name: "Requests by minute" }).getByRole("row").count()).toBe(61);
  });

  it("stop being asked for while nobody looks", async () => {
    const { page } = await openSignedIn();
    const look = (hidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, "hidden", { configurable: true, value: ${hidden} });
        document.dispatchEvent(new Event("visibilitychange"))`);
    await look(true);
    api().asked.length = 0;
    await page.clock.runFor(60_000);
    expect(api().asked).toEqual([]);
    await look(false);
    await expect.poll(() => api().asked).toContain("GET snapshot");
  });

  it("are said to be old when they are, and live when they are again", async () => {
    const { page, problems } = await openSignedIn();
    api().trouble = { status: 503, detail: "The store did not answer." };
    await page.clock.fastForward(5_000);
    const status = page
      .getByRole("status")
      .filter({ hasText: "The store did not answer. The figures below are old." });
    await status.waitFor();
    await page.getByText("Not live").waitFor();
    expect(await panel(page, "Traffic").innerText()).toContain("570");
    const attempt = page.locator(".again span");
    await attempt.filter({ hasText: /^Next attempt in \d+ s\.$/ }).waitFor({ timeout: 5_000 });
    await page.clock.runFor(12_000);
    await attempt.filter({ hasText: /^Next attempt in (1[1-9]|20) s\.$/ }).waitFor({ timeout: 5_000 });

    api().trouble = undefined;
    await page.getByRole("button", { name: "Try now" }).click();
    await status.waitFor({ state: "detached" });
    await page.getByText(/^Live/).waitFor();
    expect(problems).toEqual([]);
  });

  it("say that they are being loaded, and why they cannot be", async () => {
    let openGate = () => {};
    const { page } = await open();
    await page.evaluate(
      `sessionStorage.setItem("weir-admin-token", "an-admin-token-for-the-tests-of-the-page")`,
    );
    api().gate = new Promise<void>((opened) => {
      openGate = opened;
    });
    await page.reload();
    await expect.poll(() => page.getByText("Loading …").count()).toBe(5);
    api().trouble = { status: 404, detail: "Metrics need the METRICS binding.", route: "snapshot" };
    openGate();
    await panel(page, "Traffic").getByText("Metrics need the METRICS binding.").waitFor();
    // Unknown is not nothing.
    const row = panel(page, "Policies").getByRole("row").filter({ hasText: "header:x-user-id" });
    expect((await row.innerText()).replace(/\s+/g, " ")).toMatch(/ enforce – – – –$/);
    // What does not need them works.
    await lookUp(page, "alice");
    await page.getByRole("heading", { name: "chat-user" }).waitFor();
  });

  it("of a new deployment are empty, and say so", async () => {
    api().snapshot = quiet;
    const { page, problems } = await openSignedIn();
    await page.getByText("No request was limited in the last hour.").waitFor();
    await page.getByText("No key was refused.").waitFor();
    await panel(page, "Store").getByText("Not asked").waitFor();
    expect(await panel(page, "Policies").innerText()).not.toMatch(/NaN|undefined|Infinity/);
    expect(problems).toEqual([]);
  });
});

describe("a hundred policies", () => {
  it("are shown in part, filtered and ordered", async () => {
    api().configuration = manyPolicies(100);
    api().snapshot = {
      ...snapshot(),
      policies: api().configuration.policies.map(({ name }, i) =>
        trafficOf(name, { allowed: 10, refused: i }),
      ),
    };
    const { page } = await openSignedIn();
    const policies = panel(page, "Policies");
    const names = () => policies.locator("tbody .name").allInnerTexts();
    expect(await names()).toHaveLength(25);
    await policies.getByRole("button", { name: "Show all 100" }).click();
    await expect.poll(names).toHaveLength(100);

    await policies.getByLabel("Filter").fill("service-7");
    await expect.poll(names).toHaveLength(11);
    await policies.getByText("11 of 100").waitFor();
    await policies.getByLabel("Order").selectOption("most refused");
    await expect.poll(async () => (await names())[0]).toBe("policy-79");
    await policies.getByLabel("Filter").fill("nothing like it");
    await policies.getByText("No policy matches the filter.").waitFor();
  });
});

describe("the most refused keys", () => {
  it("can be inspected: the key's state is shown where users are looked up", async () => {
    const { page } = await openSignedIn();
    await page.getByRole("button", { name: "Inspect Zk3vP0q8mXw2Lr5sT9uYbA of chat-user" }).click();
    const title = page.getByRole("heading", { name: "Look up a user" });
    await title.and(page.locator(":focus")).waitFor();
    await page.getByRole("article", { name: "chat-user" }).getByText("Zk3vP0q8mXw2Lr5sT9uYbA").waitFor();
    expect(api().bodies).toEqual([{ policy: "chat-user", digest: "Zk3vP0q8mXw2Lr5sT9uYbA" }]);
  });

  it("keep the keyboard where it is when others overtake them", async () => {
    const { page } = await openSignedIn();
    const button = page.getByRole("button", { name: "Block a1B2c3D4e5F6g7H8i9J0kL of chat-user" });
    await button.focus();
    for (const refusals of [5_000, 1, 9_000]) {
      const { policies, ...others } = api().snapshot;
      const [first, ...rest] = policies;
      const overtaken =
        first?.top_refused.map((one, i) => (i === 1 ? { ...one, refusals, error: 0 } : one)) ?? [];
      api().snapshot = {
        ...others,
        policies: first ? [{ ...first, top_refused: overtaken }, ...rest] : rest,
      };
      await page.clock.fastForward(5_000);
      await panel(page, "Most refused keys")
        .getByRole("cell", { name: refusals.toLocaleString("en"), exact: true })
        .waitFor();
      await button.and(page.locator(":focus")).waitFor({ timeout: 2_000 });
    }
  });

  it("can be blocked at once, with a word before and after", async () => {
    const { page } = await openSignedIn();
    await page.getByRole("button", { name: "Block Zk3vP0q8mXw2Lr5sT9uYbA of chat-user" }).click();
    const dialog = page.getByRole("dialog", { name: "Block: chat-user" });
    await dialog.getByText("Every request with this key is refused until the time you choose").waitFor();
    await dialog.getByLabel("15 min").check();
    await dialog.getByRole("button", { name: "Block", exact: true }).click();
    await dialog.getByText("The key is blocked.").waitFor();
    await dialog.getByText("at the latest in 10 s").waitFor();
    expect(api().overrides.get(keyId({ policy: "chat-user", digest: "Zk3vP0q8mXw2Lr5sT9uYbA" }))?.limit).toBe(
      0,
    );
  });
});
