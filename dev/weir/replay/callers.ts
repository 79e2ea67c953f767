import type { Config } from "../../../src/config/config.ts";
import { type ClientAddress, clientAddress } from "../../../src/key/client-address.ts";
import type { RequestFacts } from "../../../src/key/request-facts.ts";
import { isInNetworks } from "../../../src/policy/networks.ts";
import type { Entry } from "../log/entry.ts";
import { createMemo } from "./memo.ts";
import type { Plan } from "./plan.ts";
import type { Route } from "./routes.ts";

export interface Caller {
  /** Undefined when the log has something else there. */
  readonly address: ClientAddress | undefined;
  readonly isDenied: boolean;
  readonly isAllowed: boolean;
  /** Its requests' plans, as far as they are remembered: mostly one or two. */
  readonly plans: RememberedPlan[];
}

export interface RememberedPlan {
  readonly route: Route;
  /** What beside the route it depends on. */
  readonly rest: string;
  readonly plan: Plan;
}

const MAX_REMEMBERED = 100_000;

export function createCallers({ allow, deny, ipv6Prefix }: Config): (entry: Entry) => Caller {
  const remembered = createMemo<Caller>(MAX_REMEMBERED);
  return ({ address: written }) =>
    remembered(written, () => {
      const address = clientAddress(written, ipv6Prefix);
      return {
        address,
        isDenied: isInNetworks(address, deny),
        isAllowed: isInNetworks(address, allow),
        plans: [],
      };
    });
}

/** What key parts read of a request. Bodies are in no log: absent, as are tokens without a field for their claims. */
export function factsOf(entry: Entry, { address }: Caller): RequestFacts {
  const { method, host, target, values = new Map<string, string>() } = entry;
  const asn = Number(values.get("asn"));
  return {
    method,
    url: new URL(`http://${URL.canParse(`http://${host}/`) ? host : "host.invalid"}${target}`),
    headers: headersOf(values),
    address,
    edge: {
      country: values.get("country"),
      colo: values.get("colo"),
      asn: Number.isSafeInteger(asn) && asn > 0 ? asn : undefined,
    },
    claims: Object.fromEntries([...named(values, "jwt:")]),
    body: { json: { kind: "absent" }, message: { kind: "absent" } },
  };
}

function headersOf(values: ReadonlyMap<string, string>): Headers {
  const headers = new Headers();
  const cookies = [...named(values, "cookie:")].map(
    ([name, value]) => `${name}=${encodeURIComponent(value)}`,
  );
  for (const [name, value] of [...named(values, "header:"), ["cookie", cookies.join("; ")] as const]) {
    // What no header can hold was not sent as one.
    if (value !== "" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) headers.set(name, value);
  }
  return headers;
}

function* named(values: ReadonlyMap<string, string>, prefix: string): Generator<[string, string]> {
  for (const [name, value] of values) if (name.startsWith(prefix)) yield [name.slice(prefix.length), value];
}
