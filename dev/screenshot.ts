import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { parse } from "smol-toml";
import build from "../test/support/build.ts";
import { startBrowser } from "../test/support/start-browser.ts";
import { startWorker } from "../test/support/workerd.ts";
import { startDemoOrigin } from "./demo-origin.ts";
import { createDemoTraffic, NOISY_USER } from "./demo-traffic.ts";

const ROOT = resolve(import.meta.dirname, "..");
const PICTURE = resolve(ROOT, "docs/images/dashboard.png");
const TOKEN = "the-token-of-a-worker-that-lives-for-one-picture";
const WIDTH = 1_280;
const MAX_BYTES = 150_000;
const PROGRESS_SECONDS = 15;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "12" } } });
const seconds = Number(values.minutes) * 60;

build();
const { vars } = parse(readFileSync(resolve(ROOT, "wrangler.toml"), "utf8"));
const origin = await startDemoOrigin();
// Those for requests, which is what the traffic has.
const policies = (vars as { POLICIES: { on?: string }[] }).POLICIES.filter(({ on }) => on === undefined);
const weir = await startWorker({ vars: { POLICIES: policies, ORIGIN: origin.url, ADMIN_TOKEN: TOKEN } });
const browser = await startBrowser();
try {
  const traffic = createDemoTraffic(weir.url);
  for (let second = 0; second < seconds; second += 1) {
    if (second % PROGRESS_SECONDS === 0) process.stdout.write(`\rTraffic: ${second} of ${seconds} s`);
    await Promise.all([traffic.second(second), sleep(1_000)]);
  }
  await traffic.overrun();
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 1_250 } });
  await show(page, `${weir.url}/_weir/`);
  // Down to the policies.
  const { y = 0 } = (await page.locator("#refused").boundingBox()) ?? {};
  await page.screenshot({ path: PICTURE, clip: { x: 0, y: 0, width: WIDTH, height: y } });
} finally {
  await browser.close();
  await weir.stop();
  await origin.close();
}
const { size } = statSync(PICTURE);
console.log(`\r${PICTURE}: ${size} bytes`);
if (size > MAX_BYTES) throw new Error(`The picture must have less than ${MAX_BYTES} bytes.`);

/** As after a complaint: signed in, with the user looked up. */
async function show(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel("Admin token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Value").fill(NOISY_USER);
  await page.getByRole("button", { name: "Look up" }).click();
  await page.getByRole("article").waitFor();
}
