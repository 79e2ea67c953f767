import { describe, expect, it } from "vitest";
import { parseStartSettings } from "../../dev/start-settings.ts";

describe("what npm start reads from the environment", () => {
  it("takes the demo origin and port 8787 when nothing is set", () => {
    expect(parseStartSettings({})).toEqual({
      ok: true,
      value: { port: 8787, origin: undefined, variables: {} },
    });
  });

  it("treats an empty ORIGIN or PORT as not set", () => {
    expect(parseStartSettings({ ORIGIN: " ", PORT: "" })).toEqual(parseStartSettings({}));
  });

  it.each(["http://127.0.0.1:3000", "https://example.com/base", "http://[::1]:3000"])(
    "takes %s as origin",
    (origin) => {
      expect(parseStartSettings({ ORIGIN: origin })).toMatchObject({ ok: true, value: { origin } });
    },
  );

  it.each(["localhost:3000", "ftp://example.com", "example.com", "http://"])(
    "refuses %s as origin in one line",
    (origin) => {
      expect(problemOf({ ORIGIN: origin })).toMatch(/^ORIGIN is ".*http or https URL.*\.$/);
    },
  );

  it.each(["http://localhost:9000", "http://127.0.0.1:9000/base", "http://[::1]:9000"])(
    "refuses Weir's own address %s as origin",
    (origin) => {
      expect(problemOf({ ORIGIN: origin, PORT: "9000" })).toContain("PORT=9001");
    },
  );

  it.each(["0", "65536", "-1", "80.5", "http"])("refuses %s as port", (port) => {
    expect(problemOf({ PORT: port })).toMatch(/^PORT is /);
  });

  it("hands on Weir's own variables, empty ones too, and nothing else", () => {
    const own = { STORE: "local", LIMIT_CHAT_USER: "10/minute", POLICIES_2: "[]", EXEMPT: "" };
    const others = { PATH: "/bin", LIMIT: "1", POLICIES_X: "[]", MY_STORE: "x", LIMIT_: "1" };
    const parsed = parseStartSettings({ ...own, ...others });
    expect(parsed.ok && parsed.value.variables).toEqual(own);
  });
});

function problemOf(env: NodeJS.ProcessEnv): string {
  const parsed = parseStartSettings(env);
  return parsed.ok ? "" : parsed.problem;
}
