import { describe, expect, it } from "vitest";
import { plainFailure } from "../../dev/wrangler-failure.ts";

const OWN_ERROR = `✘ [ERROR] service core:user:weir: Uncaught Error: Weir configuration is refused:

    MODE: 'bad' is not a mode
`;
const RUNTIME_REPORT = `
✘ [ERROR] The Workers runtime failed to start. There was likely a problem with the workerd binary.

  Runtime stderr:
  {"level":"error"}
`;
const MISSING_CLASS = `
▲ [WARNING] A DurableObjectNamespace referenced a class, but no such Durable Object class is exported.
`;
const NOISE = `
🪵  Logs were written to "wrangler.log"
fatal error: all goroutines are asleep - deadlock!

goroutine 1 [chan receive]:
`;

describe("the message of a wrangler dev that did not start", () => {
  it("keeps the Worker's own error and drops what repeats or surrounds it", () => {
    expect(plainFailure(OWN_ERROR + MISSING_CLASS + RUNTIME_REPORT + NOISE)).toBe(OWN_ERROR.trim());
  });

  it("keeps the runtime's report when there is nothing better", () => {
    expect(plainFailure(RUNTIME_REPORT + NOISE)).toBe(RUNTIME_REPORT.trim());
  });

  it("keeps warnings that came before the error", () => {
    expect(plainFailure(`▲ [WARNING] careful\n${OWN_ERROR}`)).toBe(
      `▲ [WARNING] careful\n${OWN_ERROR.trim()}`,
    );
  });

  it("keeps a text without any error as it is", () => {
    expect(plainFailure("something else\n")).toBe("something else");
  });
});
