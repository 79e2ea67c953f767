import { expect, it } from "vitest";
import { createLog } from "../../src/metrics/log.ts";

it("writes one line a second for each event, and says how many it left out", () => {
  const lines: unknown[] = [];
  let nowMs = 0;
  const log = createLog(
    () => nowMs,
    (line) => lines.push(JSON.parse(line)),
  );
  for (let i = 0; i < 5; i++) log("fault", { step: i });
  log("shadow_refused");
  nowMs = 1_000;
  log("fault", { step: 5 });
  expect(lines).toEqual([
    { source: "weir", event: "fault", step: 0 },
    { source: "weir", event: "shadow_refused" },
    { source: "weir", event: "fault", step: 5, omitted: 4 },
  ]);
});

it("leaves lines out apart for each sample", () => {
  const lines: string[] = [];
  const log = createLog(
    () => 0,
    (line) => lines.push(line),
  );
  for (const policy of ["api", "chat", "api"]) log("refused", { policy }, policy);
  expect(lines.map((line) => JSON.parse(line).policy)).toEqual(["api", "chat"]);
});
