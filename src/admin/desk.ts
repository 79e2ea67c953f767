import type { Deadline } from "../store/deadline.ts";
import type { Administration } from "../store/store.ts";
import { Unavailable } from "./routes.ts";

/** What operators do to the store, within the time that a request has for it. Rejects with `Unavailable`. */
export type Desk = {
  readonly [Verb in keyof Administration]: (
    list: Parameters<Administration[Verb]>[0],
  ) => ReturnType<Administration[Verb]>;
};

export interface DeskParts {
  /** The adapter itself: what the layers in front of it would make up in an outage is no answer to an operator. */
  readonly administration: Administration;
  readonly newDeadline: () => Deadline;
  /** Is told what went wrong. */
  readonly report: (reason: string) => void;
}

export function createDesk({ administration, newDeadline, report }: DeskParts): Desk {
  async function ask<T>(call: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = newDeadline();
    try {
      return await deadline.race(call(deadline));
    } catch (error) {
      report(String(error).slice(0, 200));
      throw new Unavailable("The store did not answer. A change may have been made all the same.");
    } finally {
      deadline.clear();
    }
  }

  // About nothing nobody is asked: a key may be unlimited.
  return {
    peek: async (charges) =>
      charges.length > 0 ? ask((deadline) => administration.peek(charges, deadline)) : [],
    reset: async (charges) => {
      if (charges.length > 0) await ask((deadline) => administration.reset(charges, deadline));
    },
    override: async (overrides) => {
      if (overrides.length > 0) await ask((deadline) => administration.override(overrides, deadline));
    },
  };
}
