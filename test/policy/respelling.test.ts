import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineOf, matcherOf } from "./fixtures.ts";

/** Every way to write a path that an origin may serve as the same one. */
interface Spelling {
  readonly upper: boolean;
  readonly encode: boolean;
  readonly upperHex: boolean;
  readonly slashes: number;
}

const anySegment = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."abcxyzABC0189-_~.!$&'()*+,;=:@é日"), minLength: 1, maxLength: 8 }),
  fc.constantFrom("chat", "message", "users", "v1"),
);
/** Segments of dots mean another path, and a colon at the end is no pattern. */
const isPlain = (segment: string): boolean => !/^\.+$|:$/.test(segment);

/** A pattern with a path that it matches. */
const anyMatch = fc
  .array(
    anySegment.filter(isPlain).chain((segment) =>
      fc.constantFrom<{ pattern: string; segment: string }>(
        // A segment with an asterisk or a leading colon would be another pattern.
        { pattern: /^:|\*/.test(segment) ? "*" : segment, segment },
        { pattern: "*", segment },
        { pattern: ":name", segment },
        { pattern: ":word{[a-z]+}", segment: "word" },
        { pattern: ":WORD{[A-Z]+\\d}", segment: "WORD7" },
      ),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => ({
    // A name may stand only once in a pattern.
    pattern: parts.map(({ pattern }, i) => `/${pattern.replace(/^:\w+/, `$&${i}`)}`).join(""),
    path: parts.map(({ segment }) => `/${segment}`).join(""),
  }));

const anySpelling: fc.Arbitrary<Spelling[]> = fc.array(
  fc.record({
    upper: fc.boolean(),
    encode: fc.boolean(),
    upperHex: fc.boolean(),
    slashes: fc.constantFrom(1, 1, 1, 2, 3),
  }),
  { minLength: 60, maxLength: 60 },
);

function respell(path: string, spellings: readonly Spelling[]): string {
  const letters = [...path].map((letter, i) => {
    const { upper, encode, upperHex, slashes } = spellings[i % spellings.length] as Spelling;
    if (letter === "/") return encode && i > 0 ? "%2f" : "/".repeat(i === 0 ? 1 : slashes);
    const cased = upper ? letter.toUpperCase() : letter.toLowerCase();
    return encode ? percent(cased, upperHex) : cased;
  });
  const [{ slashes } = { slashes: 1 }] = spellings;
  return letters.join("") + "/".repeat(slashes - 1);
}

function percent(letter: string, upperHex: boolean): string {
  const hex = [...new TextEncoder().encode(letter)].map((byte) => byte.toString(16).padStart(2, "0"));
  return hex.map((byte) => `%${upperHex ? byte.toUpperCase() : byte}`).join("");
}

const sentPath = (path: string): string => path.replace(/[?#\\]/g, (letter) => percent(letter, false));

/** Found by chance: what means something in a regular expression, or in the replacement of one, after a constraint. */
const FOUND: [{ pattern: string; path: string }, Spelling[]][] = [
  ["/:word0{[a-z]+}/)/a", "/word/)/a"],
  ["/:word0{[a-z]+}/x=é.9/(", "/word/x=é.9/("],
  ["/:WORD0{[A-Z]+\\d}/_y$&AC", "/WORD7/_y$&AC"],
  ["/a/:WORD1{[A-Z]+\\d}/(a$(@9", "/a/WORD7/(a$(@9"],
  ["/*/:word1{[a-z]+}/ax@9b,y", "/chat/word/ax@9b,y"],
].map(([pattern = "", path = ""]) => [
  { pattern, path },
  [{ upper: false, encode: false, upperHex: false, slashes: 1 }],
]);

describe("no spelling of a path", () => {
  it("escapes a policy that matches it", () => {
    fc.assert(
      fc.property(anyMatch, anySpelling, ({ pattern, path }, spelling) => {
        const matcher = matcherOf({ policy: pattern });
        const apply = (sent: string) => matcher.match(lineOf(`GET ${sent}`)).length;
        expect(apply(sentPath(path))).toBe(1);
        expect(apply(respell(path, spelling))).toBe(1);
      }),
      { numRuns: 1_000, examples: FOUND },
    );
  });

  it("gives a parameter another value", () => {
    fc.assert(
      fc.property(anyMatch, anySpelling, ({ pattern, path }, spelling) => {
        const matcher = matcherOf({ policy: pattern });
        const params = (sent: string) =>
          matcher.match(lineOf(`GET ${sent}`)).map((matched) => ({ ...matched.params }));
        expect(params(respell(path, spelling))).toEqual(params(sentPath(path)));
      }),
      { numRuns: 1_000, examples: FOUND },
    );
  });

  it("makes a path exempt that is not so as it was sent", () => {
    fc.assert(
      fc.property(anySpelling, (spelling) => {
        const sent = respell("/health/live", spelling);
        const exempt = matcherOf({}, ["/health/live"]).isExempt(lineOf(`GET ${sent}`));
        expect(exempt).toBe(sent === "/health/live");
      }),
    );
  });

  it("with a detour over an encoded slash and dots escapes a policy, or is exempt", () => {
    const detour = fc.constantFrom(
      "x/..%2f",
      "x%2f../",
      "x%2f..%2f",
      ".%2f",
      "x/%2e%2e%2F",
      "x%5c..%5c",
      "x/y/..%2f..%2f",
    );
    fc.assert(
      fc.property(detour, fc.constantFrom(0, 1), (written, place) => {
        const segments = ["chat", "message"];
        segments[place] = written + segments[place];
        const sent = `/${segments.join("/")}`;
        const matcher = matcherOf({ policy: "/chat/message" }, ["/x/*", "/chat/*"]);
        expect(matcher.match(lineOf(`GET ${sent}`))).toHaveLength(1);
        expect(matcher.isExempt(lineOf(`GET ${sent}`))).toBe(false);
      }),
    );
  });
});
