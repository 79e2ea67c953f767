import { resolve } from "node:path";
import type { WorkerOptions } from "../test/support/workerd.ts";
import { answer, type Extra } from "./load.ts";

/** A Worker to measure. */
export interface Contestant {
  readonly id: string;
  readonly label: string;
  /** What every measured request must be answered with, as `answer` describes it. */
  readonly answer: string;
  readonly worker: WorkerOptions;
  /** What its requests have beside what all have. */
  readonly extra?: (caller: number) => Extra | Promise<Extra>;
}

/** More than any run sends, over a window that does not end during one. */
export const NEVER_REACHED = "1000000/hour";

/** The least that any Worker in front of an origin costs. */
export const forwardOnly = (origin: string): Contestant => ({
  id: "a",
  label: "forwards only",
  answer: answer(200, 0),
  worker: { script: resolve(import.meta.dirname, "forward.js"), vars: { ORIGIN: origin } },
});

/** The rows of the table. The first is what the others are compared with. */
export function contestants(origin: string): readonly Contestant[] {
  const weir = (vars: Record<string, unknown>): WorkerOptions => ({ vars: { ORIGIN: origin, ...vars } });
  const onePolicy = [{ name: "address", limit: NEVER_REACHED }];
  const threeQuotas = [
    { name: "address", key: "ip", limit: `100000/minute, ${NEVER_REACHED}` },
    { name: "user", key: "header:x-user-id", limit: NEVER_REACHED },
  ];
  const refuseAll = [{ name: "address", limit: "1/day" }];
  return [
    forwardOnly(origin),
    { id: "b", label: "Weir, one policy", answer: answer(200, 1), worker: weir({ POLICIES: onePolicy }) },
    {
      id: "c",
      label: "Weir, three quotas on two keys",
      answer: answer(200, 3),
      worker: weir({ POLICIES: threeQuotas }),
    },
    {
      id: "d",
      label: "Weir, every request refused",
      answer: answer(429, 1),
      worker: weir({ POLICIES: refuseAll }),
    },
    {
      id: "e",
      label: "Weir, one policy, STORE=local",
      answer: answer(200, 1),
      worker: weir({ POLICIES: onePolicy, STORE: "local" }),
    },
  ];
}
