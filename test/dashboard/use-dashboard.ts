import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { startBrowser } from "../support/start-browser.ts";
import { type FakeApi, TOKEN } from "./fake-api.ts";

interface View {
  readonly scheme?: "light" | "dark";
  readonly width?: number;
}

interface OpenDashboard {
  readonly page: Page;
  /** Errors in the console, exceptions, and whatever the page's own policy forbade. */
  readonly problems: readonly string[];
}

export interface Dashboard {
  /** At its sign-in, with a clock that tests can move on. */
  open(view?: View): Promise<OpenDashboard>;
  /** With everything on the page, also when it is loaded again. */
  openSignedIn(view?: View): Promise<OpenDashboard>;
}

/** As if the operator had signed in before, which is quicker than to do it in each test. */
const KEEP_TOKEN = `if (location.search === "?signed-in") sessionStorage.setItem("weir-admin-token", "${TOKEN}")`;

/**
 * The page in a browser, for the tests of one file. They have one tab in turns, because opening one takes longer than most of them.
 *
 * @param script put into the page before anything else
 */
export function useDashboard(api: () => FakeApi, script = ""): Dashboard {
  const started: { browser?: Browser; page?: Page } = {};
  const problems: string[] = [];
  beforeAll(async () => {
    started.browser = await startBrowser();
    started.page = await started.browser.newPage();
    await started.page.addInitScript(script);
    await started.page.addInitScript(KEEP_TOKEN);
    await started.page.clock.install();
    listen(started.page, problems);
  });
  afterEach(async () => {
    await started.page?.context().setOffline(false);
    await started.page?.evaluate("sessionStorage.clear()");
  });
  afterAll(() => started.browser?.close());

  async function open(view: View = {}): Promise<OpenDashboard> {
    return show(api().url, view);
  }
  async function show(url: string, { scheme = "light", width = 1_280 }: View = {}): Promise<OpenDashboard> {
    const { page } = started;
    if (!page) throw new Error("only usable inside a test");
    problems.length = 0;
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 800 });
    await page.goto(url);
    return { page, problems };
  }
  async function openSignedIn(view?: View): Promise<OpenDashboard> {
    const opened = await show(`${api().url}?signed-in`, view);
    await opened.page.getByRole("button", { name: "Look up" }).waitFor();
    return opened;
  }
  return { open, openSignedIn };
}

function listen(page: Page, problems: string[]): void {
  page.on("pageerror", ({ message }) => problems.push(message));
  page.on("console", (message) => {
    // The browser notes each answer that is no success, as which tests make some.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) problems.push(message.text());
  });
}

export async function signIn(page: Page, token = TOKEN): Promise<void> {
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

export async function lookUp(page: Page, value: string): Promise<void> {
  await page.getByLabel("Value", { exact: true }).fill(value);
  await page.getByRole("button", { name: "Look up" }).click();
}

/** The page's part with that heading. */
export const panel = (page: Page, title: string) => page.getByRole("region", { name: title });
