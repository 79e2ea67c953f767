import { afterAll, beforeAll, beforeEach } from "vitest";
import { type FakeApi, startFakeApi } from "./fake-api.ts";
import { configuration, snapshot } from "./fixtures.ts";

/** A fake API for the tests of one file, as new at the start of each. */
export function useFakeApi(): () => FakeApi {
  let api: FakeApi | undefined;
  beforeAll(async () => {
    api = await startFakeApi();
  });
  beforeEach(() => {
    if (!api) return;
    Object.assign(api, { configuration, snapshot: snapshot(), trouble: undefined, gate: Promise.resolve() });
    for (const list of [api.asked, api.bodies]) list.length = 0;
    for (const map of [api.remaining, api.lockedOut, api.overrides]) map.clear();
  });
  afterAll(() => api?.stop());
  return () => {
    if (!api) throw new Error("only usable inside a test");
    return api;
  };
}
