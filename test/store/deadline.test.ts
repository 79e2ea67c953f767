import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDeadline, type Deadline, TimeoutError } from "../../src/store/deadline.ts";

const never = new Promise<never>(() => {});
/** Resolves `ms` later. */
const after = (ms: number) => new Promise<string>((done) => setTimeout(() => done("done"), ms));

/** What came of a wait, once it has come. */
function watch(deadline: Deadline, work: Promise<unknown>): { ended: unknown } {
  const seen: { ended: unknown } = { ended: undefined };
  deadline.race(work).then(
    (result) => {
      seen.ended = result;
    },
    (error) => {
      seen.ended = error;
    },
  );
  return seen;
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a deadline", () => {
  it("gives the result of work that is done in time", async () => {
    const wait = watch(createDeadline(300), after(299));
    await vi.advanceTimersByTimeAsync(299);
    expect(wait.ended).toBe("done");
  });

  it("passes on why work failed", async () => {
    const wait = watch(createDeadline(300), Promise.reject(new Error("down")));
    await vi.advanceTimersByTimeAsync(0);
    expect(wait.ended).toEqual(new Error("down"));
  });

  it("ends a wait and aborts its work when the time is up", async () => {
    const deadline = createDeadline(300);
    const wait = watch(deadline, never);
    const signal = deadline.signal();
    await vi.advanceTimersByTimeAsync(299);
    expect([wait.ended, signal.aborted, deadline.isUp()]).toEqual([undefined, false, false]);
    await vi.advanceTimersByTimeAsync(1);
    expect(wait.ended).toBeInstanceOf(TimeoutError);
    expect([signal.aborted, deadline.isUp()]).toEqual([true, true]);
  });

  it("starts at the first wait", async () => {
    const deadline = createDeadline(300);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(deadline.isUp()).toBe(false);
    const wait = watch(deadline, after(200));
    await vi.advanceTimersByTimeAsync(200);
    expect(wait.ended).toBe("done");
  });

  it("is one for all waits, together and one after another", async () => {
    const deadline = createDeadline(300);
    const together = [watch(deadline, never), watch(deadline, after(200))];
    await vi.advanceTimersByTimeAsync(200);
    const afterwards = watch(deadline, after(150));
    await vi.advanceTimersByTimeAsync(100);
    expect(together[0]?.ended).toBeInstanceOf(TimeoutError);
    expect(together[1]?.ended).toBe("done");
    expect(afterwards.ended).toBeInstanceOf(TimeoutError);
  });

  it("ends a wait at once that begins when the time is up", async () => {
    const deadline = createDeadline(300);
    watch(deadline, never);
    await vi.advanceTimersByTimeAsync(300);
    const late = watch(deadline, never);
    await vi.advanceTimersByTimeAsync(0);
    expect(late.ended).toBeInstanceOf(TimeoutError);
  });

  it("leaves no timer behind once it is cleared", async () => {
    const deadline = createDeadline(300);
    await Promise.all([deadline.race(Promise.resolve()), deadline.race(Promise.resolve())]);
    expect(vi.getTimerCount()).toBe(1);
    deadline.clear();
    expect(vi.getTimerCount()).toBe(0);
    createDeadline(300).clear();
  });

  it("stands still from a pause to the next wait", async () => {
    const deadline = createDeadline(300);
    const first = watch(deadline, after(200));
    await vi.advanceTimersByTimeAsync(200);
    deadline.pause();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([first.ended, deadline.isUp()]).toEqual(["done", false]);
    const second = watch(deadline, never);
    await vi.advanceTimersByTimeAsync(99);
    expect(second.ended).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(second.ended).toBeInstanceOf(TimeoutError);
  });

  it("goes on after a pause when its signal is asked for", async () => {
    const deadline = createDeadline(300);
    const signal = deadline.signal();
    await vi.advanceTimersByTimeAsync(200);
    deadline.pause();
    deadline.pause();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(signal.aborted).toBe(false);
    deadline.signal();
    await vi.advanceTimersByTimeAsync(100);
    expect(signal.aborted).toBe(true);
  });

  it("adds up what is left over several pauses", async () => {
    const deadline = createDeadline(300);
    for (let i = 0; i < 2; i++) {
      await Promise.all([deadline.race(after(100)), vi.advanceTimersByTimeAsync(100)]);
      deadline.pause();
      await vi.advanceTimersByTimeAsync(500);
    }
    const last = watch(deadline, never);
    await vi.advanceTimersByTimeAsync(99);
    expect(last.ended).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(last.ended).toBeInstanceOf(TimeoutError);
  });

  it("does not stand still while somebody waits", async () => {
    const deadline = createDeadline(300);
    const [short, long] = [watch(deadline, after(100)), watch(deadline, never)];
    await vi.advanceTimersByTimeAsync(100);
    deadline.pause();
    await vi.advanceTimersByTimeAsync(200);
    expect(short.ended).toBe("done");
    expect(long.ended).toBeInstanceOf(TimeoutError);
  });

  it("has not begun, or is over, whatever is paused", async () => {
    const unused = createDeadline(300);
    unused.pause();
    expect(vi.getTimerCount()).toBe(0);
    const over = createDeadline(300);
    const wait = watch(over, never);
    await vi.advanceTimersByTimeAsync(300);
    over.pause();
    expect([wait.ended, over.isUp()]).toEqual([expect.any(TimeoutError), true]);
  });

  it("is up at a pause when its time has passed before its timer could fire", async () => {
    let nowMs = 1_000;
    const deadline = createDeadline(300, () => nowMs);
    await deadline.race(Promise.resolve());
    nowMs += 300;
    deadline.pause();
    expect([deadline.isUp(), vi.getTimerCount()]).toEqual([true, 0]);
    const late = watch(deadline, never);
    await vi.advanceTimersByTimeAsync(0);
    expect(late.ended).toBeInstanceOf(TimeoutError);
  });

  it("gains nothing from a clock that is set back", async () => {
    let nowMs = 1_000;
    const deadline = createDeadline(300, () => nowMs);
    await deadline.race(Promise.resolve());
    nowMs -= 1_000;
    deadline.pause();
    const wait = watch(deadline, never);
    await vi.advanceTimersByTimeAsync(300);
    expect(wait.ended).toBeInstanceOf(TimeoutError);
  });

  it("leaves no timer behind when it is paused, cleared and asked again", async () => {
    const deadline = createDeadline(300);
    await deadline.race(Promise.resolve());
    deadline.pause();
    expect(vi.getTimerCount()).toBe(0);
    await deadline.race(Promise.resolve());
    expect(vi.getTimerCount()).toBe(1);
    deadline.clear();
    deadline.pause();
    await deadline.race(Promise.resolve());
    expect(vi.getTimerCount()).toBe(0);
    const paused = createDeadline(300);
    await paused.race(Promise.resolve());
    paused.pause();
    paused.clear();
    await paused.race(Promise.resolve());
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is no error of its own when nobody waits, or when work fails too late", async () => {
    createDeadline(300).signal();
    const wait = watch(
      createDeadline(300),
      after(400).then(() => Promise.reject(new Error("too late"))),
    );
    // An unhandled rejection would fail the run.
    await vi.advanceTimersByTimeAsync(500);
    expect(wait.ended).toBeInstanceOf(TimeoutError);
  });
});
