import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const simulate = resolve(import.meta.dirname, "../../simulation/simulate.ts");

it("a command explains itself on standard output, and that is no mistake", async () => {
  const { stdout, stderr } = await run(process.execPath, [simulate, "--help"]);
  expect(stdout).toContain("usage: npm run simulate");
  expect(stderr).toBe("");
});
