import type { Receipt } from "../limit/charge.ts";
import { BoundedMap } from "./bounded-map.ts";
import type { Deadline } from "./deadline.ts";
import type { Outcome, Store, StoreCharge, TakeAnswer, WaitUntil } from "./store.ts";

/** How long the store of a key that refused is asked first, alone. */
const SUSPECT_MS = 10_000;
const MAX_SUSPECTS = 10_000;

/** The charges of one key, and where they stand in the request. */
interface Group {
  readonly key: string;
  readonly charges: readonly StoreCharge[];
  readonly positions: readonly number[];
}

interface GroupAnswer {
  readonly group: Group;
  readonly answer: TakeAnswer;
}

/**
 * One store out of one for each key, each asked at most once. Several are asked in parallel; when one
 * refuses, what the others admitted is given back before the answer. The store of a key that refused
 * lately is asked first, alone: so nobody can use up another's quota with requests bound to fail.
 *
 * @param now the caller's clock, used only to remember who refused lately
 * @param waitUntil lets a request's work go on when its caller leaves
 */
export function createKeyedStores(
  storeOf: (key: string) => Store,
  now: () => number,
  waitUntil: WaitUntil = () => {},
): Store {
  const refusedAtMs = new BoundedMap<string, number>(MAX_SUSPECTS);
  const isSuspect = ({ key }: Group) =>
    now() - (refusedAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < SUSPECT_MS;

  async function ask(group: Group, deadline: Deadline, tentative: boolean): Promise<GroupAnswer> {
    const answer = await storeOf(group.key).take(group.charges, deadline, tentative);
    if (answer.admitted) refusedAtMs.delete(group.key);
    else refusedAtMs.set(group.key, now());
    return { group, answer };
  }

  async function askAll(groups: readonly Group[], deadline: Deadline): Promise<GroupAnswer[]> {
    const tentative = groups.length > 1;
    const suspects = groups.filter(isSuspect);
    const answers: GroupAnswer[] = [];
    for (const suspect of suspects) {
      const answer = await ask(suspect, deadline, tentative);
      answers.push(answer);
      if (!answer.answer.admitted) return answers;
    }
    const others = groups.filter((group) => !suspects.includes(group));
    return [...answers, ...(await Promise.all(others.map((group) => ask(group, deadline, tentative))))];
  }

  async function giveBack({ group, answer }: GroupAnswer, deadline: Deadline): Promise<GroupAnswer> {
    const settlements = answer.receipts.map((receipt) => ({ receipt, cost: 0 }));
    const standings = await storeOf(group.key).settle(settlements, deadline);
    const counted = answer.receipts.map(({ charge }) => charge.count);
    const outcomes = answer.outcomes.map((outcome, i): Outcome => {
      const standing = standings[counted.indexOf(group.charges[i]?.count ?? "")];
      if (outcome.kind !== "decided" || !outcome.decision.allowed || !standing) return outcome;
      return { kind: "decided", decision: { ...outcome.decision, ...standing } };
    });
    return { group, answer: { ...answer, outcomes, receipts: [] } };
  }

  async function takeAll(charges: readonly StoreCharge[], deadline: Deadline): Promise<TakeAnswer> {
    const answers = await askAll(groupByKey(charges), deadline);
    if (answers.every(({ answer }) => answer.admitted)) return merge(charges, answers, true);
    const settled = answers.map((one) => (one.answer.receipts.length > 0 ? giveBack(one, deadline) : one));
    return merge(charges, await Promise.all(settled), false);
  }

  return {
    take(charges, deadline) {
      const taking = takeAll(charges, deadline);
      // Else a caller that leaves in time would keep its refusal from giving back what others were charged.
      waitUntil(taking.catch(() => {}));
      return taking;
    },

    async settle(settlements, deadline) {
      const groups = Map.groupBy(settlements, ({ receipt }) => receipt.charge.key);
      const settled = await Promise.all([...groups].map(([key, own]) => storeOf(key).settle(own, deadline)));
      const standings = new Map(
        [...groups.values()].flatMap((own, i) => own.map((one, j) => [one, settled[i]?.[j]])),
      );
      return settlements.map((settlement) => standings.get(settlement));
    },
  };
}

function groupByKey(charges: readonly StoreCharge[]): Group[] {
  const groups = Map.groupBy(charges.entries(), ([, { key }]) => key);
  return [...groups].map(([key, own]) => ({
    key,
    charges: own.map(([, charge]) => charge),
    positions: own.map(([position]) => position),
  }));
}

function merge(
  charges: readonly StoreCharge[],
  answers: readonly GroupAnswer[],
  admitted: boolean,
): TakeAnswer {
  const outcomes: Outcome[] = charges.map(() => ({ kind: "unasked" }));
  const receipts: Receipt[] = [];
  for (const { group, answer } of answers) {
    for (const [i, position] of group.positions.entries())
      outcomes[position] = answer.outcomes[i] ?? { kind: "unasked" };
    receipts.push(...answer.receipts);
  }
  const final = answers.every(({ answer }) => answer.admitted || answer.final);
  return { admitted, outcomes, receipts, final };
}
