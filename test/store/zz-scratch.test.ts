import { expect, it } from "vitest";
import { createBreaker } from "../../src/store/breaker.ts";
import { withGuard } from "../../src/store/guard.ts";
import { createKeyedStores } from "../../src/store/keyed-stores.ts";
import { createKnownRefusals } from "../../src/store/known-refusals.ts";
import { createLocalStore } from "../../src/store/local.ts";
import type { Store } from "../../src/store/store.ts";
import { charge, patience, plain, quota, START_MS } from "./contract.ts";

it("x", async () => {
  let nowMs = START_MS;
  const now = () => nowMs;
  const local = createLocalStore(now);
  const objects = new Map<string, Store>();
  const object = (key: string) => { const o = objects.get(key) ?? createLocalStore(now); objects.set(key, o); return o; };
  let down = true;
  const parts = { breaker: createBreaker(now, 3), local, known: createKnownRefusals(now), report: () => {} };
  const failing = (key: string): Store => ({ take: (...a) => key === "address" && down ? Promise.reject(new Error("x")) : object(key).take(...a), settle: (...a) => { console.log("settle at the object", key); return object(key).settle(...a); } });
  const store = createKeyedStores((key) => withGuard(failing(key), key, parts), now);
  const user = charge({ key: "user", quota: quota(1, 60_000), onError: "local" });
  const address = charge({ key: "address", quota: quota(5, 60_000, "fixed-window"), onError: "local" });
  for (let i = 0; i < 5; i++) expect((await object("address").take([address], patience)).admitted).toBe(true);
  expect((await object("address").take([address], patience)).admitted).toBe(false);
  await object("user").take([user], patience);
  // user refuses, address's object is away: local admits
  for (let i=0;i<1;i++) console.log((await store.take([user, address], patience)).admitted);
  down = false;
  console.log("object address admits a 6th:", (await object("address").take([address], patience)).admitted);
  console.log("local address remaining after one more (want 4):", (await plain(local).take([address])).decisions[0]?.remaining);
});
