import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { keyId } from "./fake-api.ts";
import { manyPolicies, quiet } from "./fixtures.ts";
import { lookUp, signIn, useDashboard } from "./use-dashboard.ts";
import { useFakeApi } from "./use-fake-api.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const api = useFakeApi();
const { open, openSignedIn } = useDashboard(api, axe);

/** Colours depend on the scheme alone, and everything else on the width alone: each is asked once. */
const looks = [
  { scheme: "light", width: 1_280, options: {} },
  { scheme: "dark", width: 1_280, options: { runOnly: ["color-contrast"] } },
  { scheme: "light", width: 360, options: { rules: { "color-contrast": { enabled: false } } } },
] as const;
type Look = (typeof looks)[number];

/** Nothing that axe calls serious or critical in that part of the page, and the page cannot be scrolled sideways. */
async function expectFine(page: Page, { options }: Look, part = "html"): Promise<void> {
  const wanted = JSON.stringify({ ...options, resultTypes: ["violations"] });
  const { violations } = await page.evaluate<AxeResults>(`axe.run("${part}", ${wanted})`);
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  expect(
    grave.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])]),
  ).toEqual([]);
  await expectNoSidewaysScrolling(page);
}

async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const [content, window] = await page.evaluate<number[]>(
    "[document.documentElement.scrollWidth, innerWidth]",
  );
  expect(content).toBeLessThanOrEqual(window ?? 0);
}

describe.each(looks)("in $scheme, $width pixels wide, everybody can read", (look) => {
  it("the sign-in, also after a wrong token", async () => {
    const { page } = await open(look);
    await expectFine(page, look);
    await signIn(page, "wrong");
    await page.getByRole("alert").filter({ hasText: "not accepted" }).waitFor();
    await expectFine(page, look);
  });

  it("the page under load, a user that was looked up, and each dialog", async () => {
    api().remaining.set(keyId({ policy: "chat-user", key: { "header:x-user-id": "alice" } }), 0);
    // Rows are all alike.
    const { minutes, ...others } = api().snapshot;
    api().snapshot = { ...others, minutes: minutes.slice(-3) };
    const { page } = await openSignedIn(look);
    await page.getByText("Show as a table").click();
    await lookUp(page, "alice");
    await page.getByRole("article").waitFor();
    await expectFine(page, look);
    for (const action of ["Override", "Block", "Lift", "Reset"]) {
      await page.getByRole("button", { name: `${action} chat-user` }).click();
      const dialog = page.getByRole("dialog");
      await dialog.waitFor();
      // On a narrow screen they are the same, only narrower.
      await (look.width > 360 ? expectFine(page, look, "dialog") : expectNoSidewaysScrolling(page));
      await dialog.getByRole("button", { name: action, exact: true }).click();
      await dialog.getByRole("button", { name: "Close" }).waitFor();
      if (action === "Block" && look.width > 360) await expectFine(page, look, "dialog");
      await dialog.getByRole("button", { name: "Close" }).click();
      await dialog.waitFor({ state: "detached" });
    }
    await expectFine(page, look, ".key-cards");
  });

  it("an empty page, a failing one, and one with a hundred policies of long names", async () => {
    api().snapshot = quiet;
    const { page } = await openSignedIn(look);
    await expectFine(page, look);
    api().trouble = { status: 503, detail: "The store did not answer." };
    await page.clock.fastForward(5_000);
    await page.getByText("Not live").waitFor();
    await expectFine(page, look);
    api().trouble = undefined;
    const { policies } = manyPolicies(100);
    const long = policies.map((policy) => ({ ...policy, name: `${policy.name}-${"long".repeat(20)}` }));
    api().configuration = { ...manyPolicies(100), policies: long };
    await page.reload();
    await page.getByRole("button", { name: "Show all 100" }).waitFor();
    await expectFine(page, look);
  });
});
