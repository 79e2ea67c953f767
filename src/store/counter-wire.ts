import { receiptOf } from "../limit/ahead.ts";
import type { Charge, Decision, Receipt, Standing } from "../limit/charge.ts";
import type { Quota } from "../limit/quota.ts";
import type { Settlement } from "../limit/settle.ts";
import type { SettleMessage, SettleReply, TakeMessage, TakeReply } from "./counter-protocol.ts";
import { type Counter, MESSAGE_FORMAT } from "./counter-protocol.ts";

/**
 * A message as it is sent: its format, then one value after the other. With names it costs the runtime three times as much
 * to copy. A reply says nothing that whoever asked knows already.
 */
export type Row = readonly (string | number)[];

/** What an object answers over RPC. */
export interface RemoteCounter {
  take(row: Row): Row | Promise<Row>;
  settle(row: Row): Row | Promise<Row>;
}

/** An object as those see it who ask it. Rejects when a reply is of another format. */
export function createRemote(object: RemoteCounter): Counter {
  return {
    take: async (message) => readTakeReply(await object.take(writeTake(message)), message.charges),
    settle: async (message) => readSettleReply(await object.settle(writeSettle(message))),
  };
}

/**
 * What is so of a charge, or of a decision: bits of one value. In multiples of `LIMIT` above them stands an override's limit
 * and one more: whoever does not know of overrides yet reads the bits all the same. With windows of a second or more it is
 * below 2^53.
 */
const SHADOW = 1;
const DURABLE = 2;
const AHEAD = 4;
const LOCKOUT = 8;
const ALLOWED = 1;
const LOCKED_OUT = 2;
const PERMITS = 4;
const LIMIT = 16;
/** In place of what remains: the settlement was void. */
const VOID = -1;

export function writeTake({ charges, tentativeMs }: TakeMessage): Row {
  const row: (string | number)[] = [MESSAGE_FORMAT, tentativeMs];
  for (const charge of charges) writeCharge(row, charge);
  return row;
}

/** Throws when the message is of another format, as all of these do. */
export function readTake(row: Row): TakeMessage {
  const values = read(row);
  const tentativeMs = values.number();
  return { format: MESSAGE_FORMAT, tentativeMs, charges: values.all(readCharge) };
}

export function writeTakeReply({ admitted, decisions, receipts, final }: TakeReply): Row {
  const row = [MESSAGE_FORMAT, Number(admitted), Number(final)];
  const epochs = receipts.values();
  for (const decision of decisions) {
    const { allowed, lockedOut, permits, retryAfterMs } = decision;
    const bits =
      (allowed ? ALLOWED : 0) | (lockedOut ? LOCKED_OUT : 0) | (permits === undefined ? 0 : PERMITS);
    row.push(bits + aboveBits(decision));
    // A receipt for each that is allowed, when the take is admitted.
    row.push(retryAfterMs, permits ?? 0, (allowed && epochs.next().value?.epoch) || 0);
    writeStanding(row, decision);
  }
  return row;
}

export function readTakeReply(row: Row, charges: readonly Charge[]): TakeReply {
  const values = read(row);
  const [admitted, final] = [values.number() === 1, values.number() === 1];
  const receipts: Receipt[] = [];
  const decisions = values.all((_, i): Decision => {
    const bits = values.number();
    const [retryAfterMs, permits, epoch] = [values.number(), values.number(), values.number()];
    const allowed = (bits & ALLOWED) > 0;
    const decision = {
      allowed,
      retryAfterMs,
      ...readStanding(values),
      ...(bits & PERMITS && { permits }),
      ...(bits & LOCKED_OUT && { lockedOut: true }),
      ...readLimit(bits),
    };
    const charge = charges[i];
    if (admitted && allowed && charge) receipts.push(receiptOf(charge, decision, epoch));
    return decision;
  });
  return { admitted, decisions, receipts, final };
}

export function writeSettle({ settlements }: SettleMessage): Row {
  const row: (string | number)[] = [MESSAGE_FORMAT];
  for (const { receipt, cost } of settlements) {
    writeCharge(row, receipt.charge, aboveBits(receipt));
    row.push(receipt.epoch, receipt.timeMs, cost);
  }
  return row;
}

export function readSettle(row: Row): SettleMessage {
  const settlements = read(row).all((values): Settlement => {
    const { charge, bits } = readChargeAndBits(values);
    const receipt = { charge, epoch: values.number(), timeMs: values.number(), ...readLimit(bits) };
    return { receipt, cost: values.number() };
  });
  return { format: MESSAGE_FORMAT, settlements };
}

export function writeSettleReply(standings: SettleReply): Row {
  const row: number[] = [MESSAGE_FORMAT];
  for (const standing of standings) writeStanding(row, standing ?? NOTHING);
  return row;
}

export const readSettleReply = (row: Row): SettleReply =>
  read(row).all((values) => {
    const standing = readStanding(values);
    return standing.remaining === VOID ? undefined : standing;
  });

const aboveBits = ({ limit }: { readonly limit?: number }): number =>
  limit === undefined ? 0 : (limit + 1) * LIMIT;

const readLimit = (bits: number): { limit?: number } =>
  bits < LIMIT ? {} : { limit: Math.floor(bits / LIMIT) - 1 };

function writeCharge(row: (string | number)[], charge: Charge, above = 0): void {
  const { key, count, quota, cost, shadow, durable, ahead, lockout } = charge;
  row.push(key, count, quota.algorithm, quota.limit, quota.windowMs, quota.burst, cost);
  const bits =
    (shadow ? SHADOW : 0) | (durable ? DURABLE : 0) | (ahead ? AHEAD : 0) | (lockout ? LOCKOUT : 0);
  row.push(bits + above);
  if (ahead) row.push(ahead.units, ahead.holdMs);
  if (lockout) row.push(lockout.id, lockout.refusals, lockout.withinMs, lockout.durationMs);
}

const readCharge = (values: Values): Charge => readChargeAndBits(values).charge;

function readChargeAndBits({ text, number }: Values): { charge: Charge; bits: number } {
  const [key, count] = [text(), text()];
  const algorithm = text() as Quota["algorithm"];
  const quota = { algorithm, limit: number(), windowMs: number(), burst: number() };
  const cost = number();
  const bits = number();
  const charge = {
    ...{ key, count, quota, cost },
    shadow: (bits & SHADOW) > 0,
    durable: (bits & DURABLE) > 0,
    ahead: bits & AHEAD ? { units: number(), holdMs: number() } : undefined,
    lockout:
      bits & LOCKOUT
        ? { id: text(), refusals: number(), withinMs: number(), durationMs: number() }
        : undefined,
  };
  return { charge, bits };
}

const NOTHING: Standing = { remaining: VOID, moreRoomMs: 0, resetMs: 0, nowMs: 0 };

function writeStanding(row: (string | number)[], standing: Standing): void {
  row.push(standing.remaining, standing.moreRoomMs, standing.resetMs, standing.nowMs);
}

const readStanding = ({ number }: Values): Standing => ({
  remaining: number(),
  moreRoomMs: number(),
  resetMs: number(),
  nowMs: number(),
});

/** The values of a row behind its format, one after the other. */
interface Values {
  text(): string;
  number(): number;
  /** What is made of the rest, piece by piece. */
  all<T>(readOne: (values: Values, i: number) => T): T[];
}

function read(row: Row): Values {
  if (!Array.isArray(row) || row[0] !== MESSAGE_FORMAT) throw new Error("a message of a format unknown here");
  let at = 1;
  const values: Values = {
    text: () => row[at++] as string,
    number: () => row[at++] as number,
    all(readOne) {
      const made = [];
      while (at < row.length) made.push(readOne(values, made.length));
      return made;
    },
  };
  return values;
}
