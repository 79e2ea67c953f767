import type { Census } from "./census.ts";
import type { History } from "./history.ts";
import type { Isolate } from "./isolate.ts";
import { type Plan, TROUBLES, type Trouble } from "./plan.ts";
import type { Random } from "./random.ts";
import type { Stores } from "./stores.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface TroubleParts {
  readonly plan: Plan;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly census: Census;
  readonly history: History;
  readonly stores: Stores;
  /** The isolates that live; what dies is replaced. */
  readonly isolates: Isolate[];
  readonly born: () => Isolate;
}

/** Lets trouble come now and then, until an instant. */
export function scheduleTroubles(parts: TroubleParts, isOver: () => boolean): void {
  const { plan, time, random } = parts;
  for (const trouble of TROUBLES) {
    const perSecond = plan.troubles[trouble];
    if (perSecond === 0) continue;
    const own = random.fork(trouble);
    const next = (): void => {
      time.after(own.gapMs(perSecond), () => {
        if (isOver()) return;
        strike(trouble, parts, own);
        next();
      });
    };
    next();
  }
}

function strike(trouble: Trouble, parts: TroubleParts, random: Random): void {
  const { plan, stores, isolates, born } = parts;
  const hosts = stores.hosts();
  const host = hosts[random.between(0, hosts.length - 1)];
  const [key, object] = stores.objects()[random.between(0, stores.objects().length - 1)] ?? [];
  const i = random.between(0, isolates.length - 1);
  const note = (about: string | undefined, ...details: (string | number)[]) => {
    parts.census.count(trouble);
    parts.history.note(about ?? "-", () => [trouble, ...details].join(" "));
  };
  switch (trouble) {
    case "eviction":
      if (object) note(key);
      object?.evict();
      break;
    case "crash":
      if (object) note(key);
      parts.census.count("turns lost in crashes", object?.crash());
      break;
    case "pause":
      if (host) note(host.name);
      host?.pause(random.between(100, 3_000));
      break;
    case "restart":
      if (host) note(host.name);
      host?.restart();
      break;
    case "store clock": {
      // What is held by elapsed time cannot know that the store's time has leapt.
      const isForward = !plan.policies.some(({ lease }) => lease) && random.chance(0.5);
      const byMs = random.between(1, 3_000) * (isForward ? 1 : -1);
      if (host) note(host.name, byMs);
      host?.clock.step(byMs);
      break;
    }
    case "isolate death":
      note("-", isolates[i]?.id ?? 0);
      isolates[i]?.die();
      isolates[i] = born();
      break;
    case "isolate clock": {
      const byMs = random.between(-3_000, 3_000);
      note("-", isolates[i]?.id ?? 0, byMs);
      isolates[i]?.clock.step(byMs);
    }
  }
}
