import { expect, it } from "vitest";
import { createClient } from "../../dashboard/api/client.ts";
import { createLive } from "../../dashboard/state/live.ts";
import type { Surroundings } from "../../dashboard/state/poller.ts";

const page: Surroundings = { after: () => () => {}, hidden: () => false, onVisibility: () => () => {} };
const unauthorized = () => new Response("{}", { status: 401 });

/** Figures whose first answers, and they alone, wait for the test. */
function start() {
  const answers: ((response: Response) => void)[] = [];
  const client = createClient("http://weir/_weir/", "t", () => new Promise((answer) => answers.push(answer)));
  let refusals = 0;
  const live = createLive(client, page, () => {
    refusals += 1;
  });
  live.poller.start();
  const answerAll = async (response: () => Response) => {
    for (const answer of answers.splice(0)) answer(response());
    await new Promise(setImmediate);
  };
  return { live, answerAll, refusals: () => refusals };
}

it("A token that is not accepted any more is reported", async () => {
  const { answerAll, refusals } = start();
  await answerAll(unauthorized);
  expect(refusals()).toBe(1);
});

it("A late answer to an operator who signed out does not sign out the next one", async () => {
  const { live, answerAll, refusals } = start();
  live.poller.stop();
  await answerAll(unauthorized);
  expect(refusals()).toBe(0);
});

it("While an attempt after a failure goes on, no time is named for it", async () => {
  const { live, answerAll } = start();
  await answerAll(() => new Response("{}", { status: 503 }));
  expect(live.get().nextAtMs).toBeGreaterThan(Date.now());
  live.poller.now();
  expect(live.get()).toMatchObject({ failure: { status: 503 }, nextAtMs: undefined });
});
