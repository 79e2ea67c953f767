import { describe, expect, it } from "vitest";
import { refusalsText, refusedRows } from "../../dashboard/keys/refused-rows.ts";
import { inOrder, matches, policyRows } from "../../dashboard/policies/rows.ts";
import { configuration, snapshot, trafficOf } from "./fixtures.ts";

const NOW_MS = 1_790_000_000_000;

describe("the policies' rows", () => {
  const rows = policyRows(configuration.policies, snapshot(NOW_MS).policies);

  it("have what was refused, or would have been", () => {
    expect(rows.map(({ refused }) => refused)).toEqual([570, 0, 3, 9]);
    expect(rows.map(({ decided }) => decided)).toEqual([11_418, 11_352, 915, 49]);
  });

  it("are there for a policy of which there are no figures, and say so", () => {
    const uncounted = policyRows(configuration.policies, []);
    expect(uncounted.map(({ isCounted }) => isCounted)).toEqual([false, false, false, false]);
    expect(rows.every(({ isCounted }) => isCounted)).toBe(true);
  });

  it("come in the order asked for", () => {
    const names = (order: Parameters<typeof inOrder>[1]) =>
      inOrder(rows, order).map(({ policy }) => policy.name);
    expect(names("most refused")).toEqual(["chat-user", "connections", "api", "chat-ip"]);
    expect(names("busiest")).toEqual(["chat-user", "api", "chat-ip", "connections"]);
  });

  it.each([
    ["", ["chat-user", "chat-ip", "api", "connections"]],
    ["CHAT user", ["chat-user"]],
    ["shadow", ["api"]],
    ["/chat/socket", ["connections"]],
  ])("are found by name, path, key and mode: %j", (filter, names) => {
    expect(
      configuration.policies.filter((policy) => matches(policy, filter)).map(({ name }) => name),
    ).toEqual(names);
  });
});

describe("the most refused keys", () => {
  const traffic = [
    { ...trafficOf("a"), top_refused: [{ key: "x", refusals: 5, error: 0 }] },
    { ...trafficOf("b"), top_refused: [{ key: "y", refusals: 900, error: 9 }] },
  ];

  it("are those of all policies, or of one", () => {
    expect(refusedRows(traffic).map(({ policy, key }) => [policy, key])).toEqual([
      ["b", "y"],
      ["a", "x"],
    ]);
    expect(refusedRows(traffic, "a").map(({ key }) => key)).toEqual(["x"]);
  });

  it("say where a count is an estimate, and its bounds", () => {
    expect(refusalsText({ key: "x", refusals: 5, error: 0 })).toEqual({ text: "5" });
    expect(refusalsText({ key: "y", refusals: 900, error: 9 })).toEqual({
      text: "about 900",
      title: "Between 891 and 900",
    });
  });
});
