import { describe, expect, it } from "vitest";
import { useFolder, weir, weirHere } from "./cli.ts";

const folder = useFolder();

const OBJECTS = `
[[durable_objects.bindings]]
name = "COUNTERS"
class_name = "CounterObject"
`;
const POLICY = `
[[vars.POLICIES]]
name = "api"
limit = "5/minute"
`;
const clean = folder.write("clean.toml", `${OBJECTS}[vars]\nKEY_SECRET = "a secret"\n${POLICY}`);
const advised = folder.write(
  "advised.toml",
  `${OBJECTS}[vars]\nKEY_SECRET = "s"\nMODE = "shadow"\n${POLICY}`,
);
const broken = folder.write("broken.toml", `${OBJECTS}[vars]\nMODE = "shadw"\nPOLICES = 1\n${POLICY}`);

describe("weir", () => {
  it("lists its commands", async () => {
    const { status, stdout, stderr } = await weir(["--help"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("check");
  });

  it.each([
    ["no command", []],
    ["an unknown one", ["chek"]],
    ["an unknown option", ["check", "--jsn"]],
    ["too many files", ["check", "a.toml", "b.toml"]],
    ["a file that is not there", ["check", "/nowhere/wrangler.toml"]],
  ])("ends with status 2 at %s", async (_, args) => {
    const { status, stdout, stderr } = await weirHere(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/npm run weir -- /);
    expect(stderr).not.toContain("    at ");
  });

  it("explains a command without running it", async () => {
    for (const args of [
      ["check", "--help"],
      ["help", "check"],
    ]) {
      const { status, stdout } = await weirHere(args);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^usage: npm run weir -- check/);
    }
  });
});

describe("weir check", () => {
  it("finds nothing in a configuration that is right", async () => {
    const { status, stdout, stderr } = await weirHere(["check", clean]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(`${clean}: 1 policy, no mistakes, no pieces of advice\n`);
  });

  it("reads wrangler.toml in its folder when no file is named", async () => {
    folder.write("wrangler.toml", `${OBJECTS}[vars]\nKEY_SECRET = "s"\n${POLICY}`);
    const { status, stdout } = await weir(["check"], { cwd: folder.path(".") });
    expect(status).toBe(0);
    expect(stdout).toBe("wrangler.toml: 1 policy, no mistakes, no pieces of advice\n");
  });

  it("ends with status 1 at mistakes, all of them listed", async () => {
    const { status, stdout } = await weirHere(["check", broken]);
    expect(status).toBe(1);
    expect(stdout).toContain("MODE\n");
    expect(stdout).toContain(`did you mean "POLICIES"?`);
    expect(stdout).toContain("2 mistakes");
  });

  it("ends with status 0 at advice, and with --strict with 1", async () => {
    const { status, stdout } = await weirHere(["check", advised]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^advice MODE +shadow-everywhere\n.*\n +why: .*\n +do: +.*\n\n/);
    expect((await weirHere(["check", "--strict", advised])).status).toBe(1);
    expect((await weirHere(["check", "--strict", clean])).status).toBe(0);
  });

  it("writes no colours into a pipe", async () => {
    const { stdout } = await weir(["check", advised]);
    expect(stdout).not.toContain("\u001b");
  });

  it("prints one JSON object", async () => {
    const { stdout } = await weirHere(["check", "--json", advised]);
    expect(JSON.parse(stdout)).toEqual({
      file: advised,
      policies: 1,
      problems: [],
      advice: [
        expect.objectContaining({
          rule: "shadow-everywhere",
          path: "MODE",
          what: expect.any(String),
          why: expect.any(String),
          fix: expect.any(String),
        }),
      ],
    });
    const { status, stdout: mistakes } = await weirHere(["check", "--json", broken]);
    expect(status).toBe(1);
    expect(JSON.parse(mistakes).problems.map(({ path }: { path: string }) => path)).toEqual([
      "POLICES",
      "MODE",
    ]);
  });

  it("says where a file is not TOML", async () => {
    const { status, stderr } = await weirHere(["check", folder.write("no.toml", "[vars\n")]);
    expect(status).toBe(2);
    expect(stderr).toContain("no.toml is not valid");
  });
});
