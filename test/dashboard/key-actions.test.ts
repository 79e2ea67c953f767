import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { keyId } from "./fake-api.ts";
import { lookUp, panel, useDashboard } from "./use-dashboard.ts";
import { useFakeApi } from "./use-fake-api.ts";

const api = useFakeApi();
const { open, openSignedIn } = useDashboard(api);
const ALICE = { policy: "chat-user", key: { "header:x-user-id": "alice" } };

/** The dialog of an action on the card that a look-up of alice shows. */
async function openDialog(page: Page, action: string) {
  await lookUp(page, "alice");
  await page.getByRole("button", { name: `${action} chat-user` }).click();
  return page.getByRole("dialog", { name: `${action}: chat-user` });
}

describe("looking up a user", () => {
  it("tells which policy refuses, and when there is room", async () => {
    api().remaining.set(keyId(ALICE), 0);
    const { page, problems } = await openSignedIn();
    await lookUp(page, "alice");
    await page
      .getByRole("status")
      .filter({ hasText: /^chat-user refuses this user: next room at \d\d:\d\d:\d\d\.$/ })
      .waitFor();
    const card = page.getByRole("article", { name: "chat-user" });
    expect((await card.innerText()).replace(/\s+/g, " ")).toMatch(
      /Refused .* 0 of 5 \/ minute left Room in 1\d s/,
    );
    await page.getByText("Not asked: chat-ip, connections. Add a part to ask more: ip.").waitFor();
    // What was read says nothing of later.
    await page.clock.runFor(15_000);
    await card.getByText("More by now: refresh").first().waitFor();
    expect(problems).toEqual([]);
  });

  it("tells who is locked out", async () => {
    api().lockedOut.set(keyId(ALICE), 840);
    const { page } = await openSignedIn();
    await lookUp(page, "alice");
    await page.getByText("Locked out for 14 min more, whatever the quotas say.").waitFor();
  });

  it("by several parts shows every policy that has one of them, the refusing first", async () => {
    api().remaining.set(keyId({ policy: "chat-ip", key: { ip: "203.0.113.7" } }), 0);
    const { page } = await openSignedIn();
    await page.getByRole("button", { name: "Add a part" }).click();
    await page.getByLabel("Value 2").fill("203.0.113.7");
    await lookUp(page, "alice");
    await page.getByRole("article").first().waitFor();
    const names = await page.getByRole("article").getByRole("heading").allInnerTexts();
    expect(names).toEqual(["chat-ip", "chat-user", "api", "connections"]);
    await page.getByText(/^chat-ip refuses this user/).waitFor();
  });

  it("says what is wrong with what was typed", async () => {
    const { page } = await openSignedIn();
    api().trouble = { status: 400, detail: "key.ip: is not an address.", route: "lookup" };
    await lookUp(page, "alice");
    await panel(page, "Look up a user")
      .getByRole("status")
      .filter({ hasText: "is not an address" })
      .waitFor();
  });

  it("keeps nothing of what was typed", async () => {
    const { page } = await openSignedIn();
    await lookUp(page, "alice");
    await page.getByRole("article").waitFor();
    expect(
      await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, location.href])"),
    ).not.toContain("alice");
  });

  it("shows as text what looks like markup", async () => {
    const { page, problems } = await openSignedIn();
    const name = "<img src=x onerror=alert(1)>";
    const [policy] = api().configuration.policies;
    if (policy) api().configuration = { ...api().configuration, policies: [{ ...policy, name }] };
    await page.reload();
    await lookUp(page, "alice");
    await page.getByRole("article").getByRole("heading", { name }).waitFor();
    expect(problems).toEqual([]);
  });

  it("can be refreshed", async () => {
    const { page } = await openSignedIn();
    await lookUp(page, "alice");
    await page.getByText("Has room", { exact: true }).waitFor();
    api().remaining.set(keyId(ALICE), 0);
    await page.getByRole("button", { name: "Refresh chat-user" }).click();
    await page.getByText("Refused", { exact: true }).and(page.locator(".badge")).waitFor();
    await page.clock.runFor(3_000);
    await page.getByRole("button", { name: "Refresh chat-user" }).click();
    const room = page.locator(".quotas li").first().locator("p").last();
    await room.filter({ hasText: /^Room in \d+ s$/ }).waitFor({ timeout: 5_000 });
  });
});

describe("an action", () => {
  it("that is cancelled does nothing, and the keyboard is where it was", async () => {
    const { page } = await openSignedIn();
    const dialog = await openDialog(page, "Block");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Block chat-user" }).and(page.locator(":focus")).waitFor();
    expect(api().bodies).toEqual([]);
  });

  it("shows on the card what it did", async () => {
    const { page, problems } = await openSignedIn();
    const dialog = await openDialog(page, "Block");
    await dialog.getByRole("button", { name: "Block", exact: true }).click();
    await dialog
      .getByRole("status")
      .filter({ hasText: /The key is blocked\. Done at \d\d:\d\d:\d\d\. It takes effect with the next call/ })
      .waitFor();
    await dialog.getByRole("button", { name: "Close" }).and(page.locator(":focus")).click();
    await dialog.waitFor({ state: "detached" });
    const card = page.getByRole("article", { name: "chat-user" });
    await card.getByText("Blocked", { exact: true }).waitFor();
    expect(await card.innerText()).toMatch(/Blocked \(configured: 5\), ends in \d+ (s|min)/);
    expect(api().bodies).toMatchObject([{ ...ALICE, limit: 0 }]);
    expect(problems).toEqual([]);
  });

  it("to override starts from the limits in force, and lasts as long as chosen", async () => {
    const { page } = await openSignedIn();
    const dialog = await openDialog(page, "Override");
    expect(await dialog.getByLabel("New limit").inputValue()).toBe("5/minute, 60/hour");
    await dialog.getByLabel("New limit").fill("100/minute");
    await dialog.getByLabel("24 hours").check();
    await dialog.getByRole("button", { name: "Override", exact: true }).click();
    await dialog.getByText("The other limit is set.").waitFor();
    const [body] = api().bodies as [{ limit: string; until: string }];
    expect(body.limit).toBe("100/minute");
    expect(Date.parse(body.until) - Date.now()).toBeGreaterThan(86_000_000);
  });

  it("until a time of one's own says when that time is past", async () => {
    const { page } = await openSignedIn();
    const dialog = await openDialog(page, "Block");
    await dialog.getByLabel("until …").check();
    await dialog.getByLabel("Until, in your time zone").fill("2020-01-01T00:00");
    await dialog.getByRole("button", { name: "Block", exact: true }).click();
    await dialog.getByRole("alert").filter({ hasText: "That time is past." }).waitFor();
    expect(api().bodies).toEqual([]);
  });

  it("to lift also resets, when only that lets the user in", async () => {
    api().remaining.set(keyId(ALICE), 0);
    const { page } = await openSignedIn();
    const dialog = await openDialog(page, "Lift");
    expect(await dialog.getByLabel("Also forget what it has used, and end a lockout").isChecked()).toBe(true);
    await dialog.getByRole("button", { name: "Lift", exact: true }).click();
    await dialog.getByText("starts from nothing used").waitFor();
    expect(api().asked.slice(-2)).toEqual(["DELETE overrides", "POST reset"]);
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByText("Has room", { exact: true }).waitFor();
    await page.getByText("The only policy asked, chat-user, has room now.").waitFor();
  });

  it("cannot be left while it is being done, which would look as if it was called off", async () => {
    let openGate = () => {};
    const { page } = await openSignedIn();
    const dialog = await openDialog(page, "Block");
    api().gate = new Promise<void>((opened) => {
      openGate = opened;
    });
    await dialog.getByRole("button", { name: "Block", exact: true }).click();
    await dialog.getByText("Working …").waitFor();
    for (let i = 0; i < 3; i += 1) await page.keyboard.press("Escape");
    await dialog.getByRole("button", { name: "Cancel" }).click({ force: true });
    openGate();
    await dialog.getByText("The key is blocked.").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  });

  it("that fails says why, and can be tried again", async () => {
    const { page } = await openSignedIn();
    const dialog = await openDialog(page, "Reset");
    api().trouble = { status: 503, detail: "The store did not answer.", route: "reset" };
    await dialog.getByRole("button", { name: "Reset", exact: true }).click();
    await dialog.getByRole("alert").filter({ hasText: "The store did not answer." }).waitFor();
    api().trouble = undefined;
    await dialog.getByRole("button", { name: "Reset", exact: true }).click();
    await dialog.getByText("The key starts from nothing used.").waitFor();
  });
});

describe("the keyboard alone", () => {
  it("gets from the sign-in to a lifted refusal, and always shows where it is", async () => {
    api().remaining.set(keyId(ALICE), 0);
    const { page } = await open();
    const { keyboard } = page;
    const focused = () =>
      page.evaluate<string>(`(() => {
      const at = document.activeElement;
      const outline = getComputedStyle(at).outlineStyle;
      return (outline === "none" ? "INVISIBLE " : "") + (at.getAttribute("aria-label") ?? at.textContent);
    })()`);
    const tabTo = async (name: string) => {
      for (let i = 0; i < 30; i += 1) {
        await keyboard.press("Tab");
        const text = await focused();
        expect(text).not.toContain("INVISIBLE");
        if (text === name) return;
      }
      throw new Error(`no ${name}`);
    };
    await page.locator("#token:focus").waitFor();
    await keyboard.type("an-admin-token-for-the-tests-of-the-page");
    await keyboard.press("Enter");
    await page.getByRole("button", { name: "Look up" }).waitFor();
    await tabTo("Look up");
    await keyboard.press("Shift+Tab");
    await keyboard.type("alice");
    await keyboard.press("Enter");
    await page.getByRole("article").waitFor();
    await tabTo("Lift chat-user");
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo("Lift");
    await keyboard.press("Enter");
    await page.getByRole("button", { name: "Close" }).and(page.locator(":focus")).waitFor();
    await keyboard.press("Enter");
    await page.getByText("Has room", { exact: true }).waitFor();
    expect(await focused()).toBe("Lift chat-user");
  });
});
