import { describe, expect, it } from "vitest";
import { type Asked, createPoller, INTERVAL_MS, pauseMs } from "../../dashboard/state/poller.ts";

/** A page whose time and visibility the test decides. */
function createPage() {
  let nowMs = 0;
  let hidden = false;
  const timers = new Set<{ atMs: number; call: () => void }>();
  const watchers = new Set<() => void>();
  return {
    after(ms: number, call: () => void) {
      const timer = { atMs: nowMs + ms, call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    hidden: () => hidden,
    onVisibility(call: () => void) {
      watchers.add(call);
      return () => watchers.delete(call);
    },
    async pass(ms: number) {
      const endMs = nowMs + ms;
      for (;;) {
        await new Promise(setImmediate);
        const [next] = [...timers].toSorted((one, other) => one.atMs - other.atMs);
        if (!next || next.atMs > endMs) break;
        nowMs = next.atMs;
        timers.delete(next);
        next.call();
      }
      nowMs = endMs;
    },
    async show(visible: boolean) {
      hidden = !visible;
      for (const watcher of watchers) watcher();
      await new Promise(setImmediate);
    },
    pending: () => timers.size + watchers.size,
  };
}

function start(answers: (time: number) => Asked | Promise<Asked> = () => ({ ok: true })) {
  const page = createPage();
  const waits: number[] = [];
  let asked = 0;
  const ask = async () => answers(asked++);
  const poller = createPoller(ask, page, (ms) => waits.push(ms));
  poller.start();
  return { page, poller, waits, asked: () => asked };
}

describe("polling", () => {
  it("asks at once and then every five seconds", async () => {
    const { page, asked } = start();
    expect(asked()).toBe(1);
    await page.pass(4_999);
    expect(asked()).toBe(1);
    await page.pass(1);
    expect(asked()).toBe(2);
    await page.pass(10_000);
    expect(asked()).toBe(4);
  });

  it("asks more and more rarely while it fails, and as often as before when it is over", async () => {
    const { page, waits } = start((time) => ({ ok: time >= 5 }));
    await page.pass(300_000);
    expect(waits.slice(0, 7)).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, INTERVAL_MS, INTERVAL_MS]);
  });

  it("waits as long as the server says, when that is longer", () => {
    expect(pauseMs(1, 45_000)).toBe(45_000);
    expect(pauseMs(1, 1_000)).toBe(10_000);
  });

  it("does not ask while the page is hidden, and asks at once when it is shown again", async () => {
    const { page, asked } = start();
    await page.pass(0);
    await page.show(false);
    await page.pass(600_000);
    expect(asked()).toBe(1);
    await page.show(true);
    expect(asked()).toBe(2);
  });

  it("does not ask early when the page was hidden for a moment", async () => {
    const { page, asked } = start();
    await page.pass(1_000);
    await page.show(false);
    await page.show(true);
    expect(asked()).toBe(1);
    await page.pass(4_000);
    expect(asked()).toBe(2);
  });

  it("never asks twice at a time, however impatient the operator is", async () => {
    const unanswered = new Promise<Asked>(() => {});
    const { poller, asked } = start(() => unanswered);
    poller.now();
    poller.now();
    expect(asked()).toBe(1);
  });

  it("starts its interval anew when the operator asks in between", async () => {
    const { page, poller, asked } = start();
    await page.pass(4_000);
    poller.now();
    await page.pass(4_000);
    expect(asked()).toBe(2);
    await page.pass(1_000);
    expect(asked()).toBe(3);
  });

  it("leaves nothing behind when it is stopped, also in the middle of an answer", async () => {
    const { page, poller, asked } = start();
    poller.stop();
    await page.pass(600_000);
    expect(asked()).toBe(1);
    expect(page.pending()).toBe(0);
  });
});
