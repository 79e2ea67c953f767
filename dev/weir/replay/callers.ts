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

/** No address is longer. */
const MAX_ADDRESS_LENGTH = 50;

/** @param maxRemembered how many are remembered, and as many again for a while */
export function createCallers(
  { allow, deny, ipv6Prefix }: Config,
  maxRemembered: number,
): (entry: Entry) => Caller {
  const remembered = createMemo<Caller>(maxRemembered);
  return ({ address: sent }) => {
    return remembered(sent.length > MAX_ADDRESS_LENGTH ? "" : sent, (written) => {
      const address = clientAddress(written, ipv6Prefix);
      return {
        address,
        isDenied: isInNetworks(address, deny),
        isAllowed: isInNetworks(address, allow),
        plans: [],
      };
    });
  };
}

/** What key parts read of a request. Bodies are in no log: absent, as are tokens without a field for their claims. */
export function factsOf({ method, host, target, values }: Entry, { address }: Caller): RequestFacts {
  return {
    method,
    // Few keys read it, and making it takes longer than all the rest.
    get url() {
      return new URL(`http://${URL.canParse(`http://${host}/`) ? host : "host.invalid"}${target}`);
    },
    headers: values ? headersOf(values) : NO_HEADERS,
    address,
    edge: values ? edgeOf(values) : {},
    claims: values ? Object.fromEntries(named(values, "jwt:")) : {},
    body: NO_BODY,
  };
}

const NO_HEADERS = new Headers();
const NO_BODY: RequestFacts["body"] = { json: { kind: "absent" }, message: { kind: "absent" } };

function edgeOf(values: ReadonlyMap<string, string>): RequestFacts["edge"] {
  const asn = Number(values.get("asn"));
  return {
    country: values.get("country"),
    colo: values.get("colo"),
    asn: Number.isSafeInteger(asn) && asn > 0 ? asn : undefined,
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
