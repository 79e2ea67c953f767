import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createDigest } from "../../src/key/digest.ts";

const plain = createDigest(undefined);
const keyed = createDigest("a secret of some length");

describe("a digest", () => {
  it("has 22 characters that may stand in any key, name or URL", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        expect(await plain(text)).toMatch(/^[A-Za-z0-9_-]{22}$/);
        expect(await keyed(text)).toMatch(/^[A-Za-z0-9_-]{22}$/);
      }),
    );
  });

  it("is the same for the same text and secret, from whichever isolate", async () => {
    expect(await keyed("text")).toBe(await createDigest("a secret of some length")("text"));
    expect(await plain("text")).toBe(await createDigest(undefined)("text"));
  });

  it("is another with a secret, without one, and with another one", async () => {
    const digests = [plain, keyed, createDigest("another secret of some length")].map((digest) =>
      digest("text"),
    );
    expect(new Set(await Promise.all(digests)).size).toBe(3);
  });

  it("is another for another text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (one, other) => {
        expect((await keyed(one)) === (await keyed(other))).toBe(one === other);
        expect((await plain(one)) === (await plain(other))).toBe(one === other);
      }),
    );
  });

  // A change of these values would start every count of every deployment afresh.
  it("stays what it was in the release before", async () => {
    expect(await plain("=2:ip9:192.0.2.7")).toBe("WnzVoJuQi1_kR76cX0UIXQ");
    expect(await keyed("=2:ip9:192.0.2.7")).toBe("jRNjc7K1OC6HTkZl81xBmw");
  });

  it("is remembered, and the same then", async () => {
    const digest = createDigest("a secret of some length");
    const fresh = digest("text");
    expect(fresh).toBeInstanceOf(Promise);
    await fresh;
    expect(digest("text")).toBe(await keyed("text"));
  });

  it("is remembered only of the newest 10,000 texts, and of fewer that are long", async () => {
    const digest = createDigest(undefined);
    const isRemembered = (text: string) => typeof digest(text) === "string";
    for (let i = 0; i <= 10_000; i++) await digest(`text ${i}`);
    expect(["text 0", "text 1", "text 10000"].map(isRemembered)).toEqual([false, true, true]);
    const long = Array.from({ length: 5 }, (_, i) => `${i}`.repeat(500_000));
    for (const text of long) await digest(text);
    expect(["text 10000", ...long].map(isRemembered)).toEqual([false, false, true, true, true, true]);
  });

  it("answers many at the same time like one after the other", async () => {
    const digest = createDigest("a secret of some length");
    const texts = Array.from({ length: 50 }, (_, i) => `text ${i}`);
    const together = await Promise.all(texts.map((text) => digest(text)));
    for (const [i, text] of texts.entries()) expect(together[i]).toBe(await keyed(text));
  });
});
