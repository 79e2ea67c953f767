import type { Charge, Decision, Receipt } from "../limit/charge.ts";
import { BoundedMap } from "./bounded-map.ts";
import { type Counter, MESSAGE_FORMAT, type TakeReply } from "./counter-protocol.ts";
import type { Store, TakeAnswer } from "./store.ts";

/** How long a key object that refused is asked first, alone. */
const SUSPECT_MS = 10_000;
const MAX_SUSPECTS = 10_000;

/** The charges of one key object, and where they stand in the request. */
interface Group {
  readonly key: string;
  readonly charges: readonly Charge[];
  readonly positions: readonly number[];
}

interface GroupAnswer {
  readonly group: Group;
  readonly reply: TakeReply;
}

/**
 * Counts in Durable Objects, one for each key, each asked at most once. Several objects are asked in
 * parallel; when one refuses, what the others admitted is given back before the answer. An object that
 * refused lately is asked first, alone: so nobody can use up another's quota with requests bound to fail.
 *
 * @param counterOf the object of a key
 * @param now the caller's clock, used only to remember who refused lately
 */
export function createDurableObjectStore(counterOf: (key: string) => Counter, now: () => number): Store {
  const refusedAtMs = new BoundedMap<string, number>(MAX_SUSPECTS);
  const isSuspect = ({ key }: Group): boolean =>
    now() - (refusedAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < SUSPECT_MS;

  async function ask(group: Group, tentative: boolean): Promise<GroupAnswer> {
    const { charges } = group;
    const reply = await counterOf(group.key).take({ format: MESSAGE_FORMAT, charges, tentative });
    if (reply.admitted) refusedAtMs.delete(group.key);
    else refusedAtMs.set(group.key, now());
    return { group, reply };
  }

  async function askAll(groups: readonly Group[]): Promise<GroupAnswer[]> {
    const answers: GroupAnswer[] = [];
    const suspects = groups.filter(isSuspect);
    for (const suspect of suspects) {
      const answer = await ask(suspect, groups.length > 1);
      answers.push(answer);
      if (!answer.reply.admitted) return answers;
    }
    const others = groups.filter((group) => !suspects.includes(group));
    return [...answers, ...(await Promise.all(others.map((group) => ask(group, groups.length > 1))))];
  }

  async function giveBack({ group, reply }: GroupAnswer): Promise<GroupAnswer> {
    const settlements = reply.receipts.map((receipt) => ({ receipt, cost: 0 }));
    const standings = await counterOf(group.key).settle({ format: MESSAGE_FORMAT, settlements });
    const counted = reply.receipts.map(({ charge }) => charge.count);
    const decisions = reply.decisions.map((decision, i) => {
      const standing = standings[counted.indexOf(group.charges[i]?.count ?? "")];
      return standing && decision.allowed ? { ...decision, ...standing } : decision;
    });
    return { group, reply: { ...reply, decisions, receipts: [] } };
  }

  return {
    async take(charges) {
      const answers = await askAll(groupByKey(charges));
      if (answers.every(({ reply }) => reply.admitted)) return merge(charges, answers, true);
      const settled = answers.map((answer) => (answer.reply.receipts.length > 0 ? giveBack(answer) : answer));
      return merge(charges, await Promise.all(settled), false);
    },

    async settle(settlements) {
      const groups = Map.groupBy(settlements, ({ receipt }) => receipt.charge.key);
      const settled = [...groups].map(([key, own]) =>
        counterOf(key).settle({ format: MESSAGE_FORMAT, settlements: own }),
      );
      await Promise.all(settled);
    },
  };
}

function groupByKey(charges: readonly Charge[]): Group[] {
  const groups = new Map<string, { key: string; charges: Charge[]; positions: number[] }>();
  for (const [position, charge] of charges.entries()) {
    const group = groups.get(charge.key) ?? { key: charge.key, charges: [], positions: [] };
    groups.set(charge.key, group);
    group.charges.push(charge);
    group.positions.push(position);
  }
  return [...groups.values()];
}

function merge(charges: readonly Charge[], answers: readonly GroupAnswer[], admitted: boolean): TakeAnswer {
  const decisions: (Decision | undefined)[] = charges.map(() => undefined);
  const receipts: Receipt[] = [];
  for (const { group, reply } of answers) {
    for (const [i, position] of group.positions.entries()) decisions[position] = reply.decisions[i];
    receipts.push(...reply.receipts);
  }
  const final = answers.every(({ reply }) => reply.admitted || reply.final);
  return { admitted, decisions, receipts, final };
}
