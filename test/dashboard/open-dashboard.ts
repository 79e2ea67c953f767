import type { Browser, Page } from "playwright-core";
import { TOKEN } from "./fake-api.ts";

export interface OpenDashboard {
  readonly page: Page;
  /** Errors in the console, exceptions, and whatever the page's own policy forbade. */
  readonly problems: string[];
}

interface View {
  readonly scheme?: "light" | "dark";
  readonly width?: number;
  /** Put into the page before anything else. */
  readonly script?: string;
}

/** The page at its sign-in, with a clock that tests can move on. */
export async function openDashboard(browser: Browser, url: string, view: View = {}): Promise<OpenDashboard> {
  const { scheme = "light", width = 1_280, script } = view;
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 } });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on("pageerror", ({ message }) => problems.push(message));
  page.on("console", (message) => {
    // The browser notes each answer that is no success, as which tests make some.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) problems.push(message.text());
  });
  if (script !== undefined) await page.addInitScript(script);
  await page.clock.install();
  await page.goto(url);
  return { page, problems };
}

export async function signIn(page: Page, token = TOKEN): Promise<void> {
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Signed in, with everything on the page. */
export async function openSignedIn(browser: Browser, url: string, view: View = {}): Promise<OpenDashboard> {
  const open = await openDashboard(browser, url, view);
  await signIn(open.page);
  await open.page.getByRole("button", { name: "Look up" }).waitFor();
  await open.page.getByRole("heading", { name: "Most refused keys" }).waitFor();
  return open;
}

export async function lookUp(page: Page, value: string): Promise<void> {
  await page.getByLabel("Value", { exact: true }).fill(value);
  await page.getByRole("button", { name: "Look up" }).click();
}

/** The text of the page's part with that heading. */
export const panel = (page: Page, title: string) => page.getByRole("region", { name: title });
