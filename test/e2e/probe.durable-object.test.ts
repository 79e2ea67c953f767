import { describe, expect, it } from "vitest";
import { weir } from "../dev/weir/cli.ts";
import { newAddress, useGateway } from "../support/gateway.ts";

const gateway = useGateway({
  POLICIES: [
    { name: "short", match: "/short", limit: "8 per 2s, 100/hour" },
    { name: "long", match: "/long", limit: "60/hour" },
    { name: "bucket", match: "/bucket", algorithm: "token-bucket", limit: "10/minute", burst: 4 },
  ],
});

/** Probes a path as a caller of its own. */
async function probe(path: string, ...options: readonly string[]) {
  const header = `CF-Connecting-IP: ${newAddress()}`;
  const { status, stdout, stderr } = await weir([
    "probe",
    "--json",
    ...["--header", header],
    ...options,
    gateway.weir.url + path,
  ]);
  return { status, stderr, ...(stdout === "" ? {} : JSON.parse(stdout)) };
}

describe("weir probe", () => {
  it.each(["/short", "/bucket"])("finds nothing wrong with Weir at %s", async (path) => {
    const { status, findings } = await probe(path);
    const outcomes = findings.map(({ outcome }: { outcome: string }) => outcome);
    expect({ status, outcomes, findings }).toMatchObject({ status: 0, outcomes: Array(9).fill("ok") });
  });

  it("does not send 60 requests, nor wait for an hour, unasked", async () => {
    expect(await probe("/long")).toMatchObject({ status: 0, requests: 1 });
    const { status, requests, findings } = await probe("/long", "--yes");
    expect({ status, requests }).toEqual({ status: 0, requests: 1 + 59 + 3 });
    expect(findings.at(-1)).toMatchObject({ check: "Retry-After is honest", outcome: "skipped" });
  });

  it("ends with status 2 when nobody answers", async () => {
    const { status, stdout, stderr } = await weir(["probe", "http://127.0.0.1:9/"]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("no answer");
  });

  it.each([
    [[]],
    [["not-a-url"]],
    [["--header", "x", "http://127.0.0.1/"]],
    [["--max", "x", "http://127.0.0.1/"]],
  ])("ends with status 2 at %j", async (args) => {
    expect((await weir(["probe", ...args])).status).toBe(2);
  });

  it("prints a line for each check", async () => {
    const { status, stdout } = await weir(["probe", gateway.weir.url]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^skipped {2}RateLimit fields/);
    expect(stdout).toMatch(/1 requests sent\n$/);
  });
});
