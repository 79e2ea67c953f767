import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { useFolder, weir, weirHere } from "../cli.ts";

const folder = useFolder();

const policy = (limit: string): string =>
  `[vars]\nSTORE = "local"\n[[vars.POLICIES]]\nname = "api"\nmatch = "/api/*"\nlimit = "${limit}"\n`;
const strict = folder.write("strict.toml", policy("2/minute"));
const lenient = folder.write("lenient.toml", policy("4/minute"));

/** Five requests of one caller, three of another, and one that no policy is about; and two lines that are none. */
const lines = [
  ..."11111222"
    .split("")
    .map(
      (caller, i) => `192.0.2.${caller} - - [10/Oct/2026:13:00:0${i} +0000] "GET /api/${i} HTTP/1.1" 200 1`,
    ),
  `192.0.2.1 - - [10/Oct/2026:13:00:09 +0000] "GET / HTTP/1.1" 200 1`,
  "nonsense",
  `{"a": 1}`,
];
const log = folder.write("access.log", `${lines.join("\n")}\n`);
const packed = folder.write("access.log.gz", gzipSync(`${lines.join("\n")}\n`));

async function json(...args: readonly string[]) {
  const { status, stdout, stderr } = await weirHere(["replay", "--json", ...args]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("weir replay", () => {
  it("says how many requests were refused, by whom and whose", async () => {
    const { log: read, configurations, comparison } = await json("--config", strict, log);
    expect(read).toMatchObject({ lines: 11, broken: 2, late: 0, from: "2026-10-10T13:00:00.000Z" });
    expect(comparison).toBeUndefined();
    expect(configurations).toMatchObject([
      {
        config: strict,
        requests: 9,
        verdicts: { refused: 4, admitted: 4, unlimited: 1, denied: 0, own: 0 },
        policies: [
          {
            name: "api",
            requests: 8,
            refused: 4,
            refused_keys: 2,
            most_refused: [
              { key: "ip 192.0.2.1", refused: 3, error: 0 },
              { key: "ip 192.0.2.2", refused: 1, error: 0 },
            ],
            quotas: [{ requests: 8, refused: 4, callers: 2, sampled: false }],
          },
        ],
        notes: [],
      },
    ]);
    expect(configurations[0].policies[0].quotas[0].needed[0]).toEqual({
      share: 0.001,
      callers: 5,
      requests: { atLeast: 5, atMost: 5 },
    });
  });

  it("reads packed logs, and standard input, to the same end", async () => {
    const plain = await json("--config", strict, log);
    expect((await json("--config", strict, packed)).configurations).toEqual(plain.configurations);
    for (const args of [["-"], []]) {
      const input = readFileSync(packed);
      const { status, stdout } = await weir(["replay", "--json", "--config", strict, ...args], { input });
      expect(status).toBe(0);
      expect(JSON.parse(stdout).configurations).toEqual(plain.configurations);
    }
  });

  it("compares two configurations", async () => {
    const { configurations, comparison } = await json("--config", strict, "--compare", lenient, log);
    expect(configurations.map(({ verdicts }: { verdicts: { refused: number } }) => verdicts.refused)).toEqual(
      [4, 1],
    );
    expect(comparison).toEqual({
      names: [strict, lenient],
      both: 1,
      onlyFirst: 3,
      onlySecond: 0,
      neither: 5,
    });
  });

  it("draws a plot", async () => {
    const plot = folder.path("plot.svg");
    await json("--config", strict, "--compare", lenient, "--plot", plot, log);
    const svg = readFileSync(plot, "utf8");
    expect(svg).toMatch(/^<svg[^>]* xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(svg).toContain("strict.toml: requests per second");
    expect(svg).toContain("lenient.toml: requests per second");
    expect(svg).toContain(">Refused");
  });

  it("prints tables without colours into a pipe, and the broken lines", async () => {
    const { stdout } = await weir(["replay", "--config", strict, log]);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toContain(`access.log:10: no time in brackets: nonsense`);
    expect(stdout).toContain(`access.log:11: no time that can be read: {"a": 1}`);
    expect(stdout).toMatch(/^ {2}api +8 +4 +50% +2$/m);
    expect(stdout).toMatch(/refused most, as they stand in your log\n.*\n +ip 192\.0\.2\.1 +3$/m);
  });

  it.each([
    ["a log that is not there", ["--config", strict, "/nowhere/access.log"]],
    ["a folder", ["--config", strict, "/"]],
    ["a field that is none", ["--config", strict, "--field", "x", log]],
    ["a number that is none", ["--config", strict, "--max-keys", "many", log]],
    ["a time that is none", ["--config", strict, "--disorder", "soon", log]],
    ["a configuration that is not there", ["--config", "/nowhere.toml", log]],
    ["a plot that cannot be written", ["--config", strict, "--plot", "/nowhere/plot.svg", log]],
    ["standard input twice", ["--config", strict, "-", "-"]],
  ])("ends with status 2 at %s", async (_, args) => {
    const { status, stdout, stderr } = await weirHere(["replay", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^weir replay: /);
  });

  it("ends with status 1 at a configuration with mistakes", async () => {
    const { status, stderr } = await weirHere([
      "replay",
      "--config",
      folder.write("bad.toml", policy("5/fortnight")),
      log,
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain("POLICIES[0].limit");
  });
});

describe("weir sample-log", () => {
  it("makes the same log from the same seed, and another from another", async () => {
    const make = async (seed: string, name: string) => {
      await weirHere(["sample-log", "--lines", "500", "--seed", seed, "--out", folder.path(name)]);
      return readFileSync(folder.path(name), "utf8");
    };
    const one = await make("1", "one.log");
    expect(one.split("\n")).toHaveLength(501);
    expect(await make("1", "same.log")).toBe(one);
    expect(await make("2", "other.log")).not.toBe(one);
  });

  it("writes to standard output where no file is named", async () => {
    const { status, stdout } = await weir(["sample-log", "--lines", "5"]);
    expect({ status, lines: stdout.split("\n").length }).toEqual({ status: 0, lines: 6 });
  });

  it.each(["combined", "json", "logpush"])("makes lines that replay reads: %s", async (format) => {
    const file = folder.path(`${format}.log.gz`);
    const { status } = await weirHere(["sample-log", "--lines", "300", "--format", format, "--out", file]);
    expect({ status, isThere: existsSync(file) }).toEqual({ status: 0, isThere: true });
    const { log: read, configurations } = await json("--config", strict, file);
    expect(read).toMatchObject({ lines: 300, broken: 0, late: 0 });
    expect(configurations[0].requests).toBe(300);
  });

  it("ends with status 2 at an unknown format", async () => {
    expect((await weirHere(["sample-log", "--format", "xml"])).status).toBe(2);
  });
});
