import { parseConfig } from "../../src/config/parse-config.ts";
import { createCharges, type PolicyCharge } from "../../src/key/charges.ts";
import { parseAddress } from "../../src/key/client-address.ts";
import { createDigest } from "../../src/key/digest.ts";
import type { RequestFacts } from "../../src/key/request-facts.ts";

/** What is known of a request: a plain one, with some facts changed. */
export interface Given {
  readonly method?: string;
  readonly url?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string | undefined;
  readonly edge?: RequestFacts["edge"];
}

export function factsOf({
  method = "GET",
  url = "https://example.com/",
  headers,
  edge,
  ...rest
}: Given): RequestFacts {
  const address = "address" in rest ? rest.address : "192.0.2.7";
  return {
    method,
    url: new URL(url),
    headers: new Headers(headers),
    address: parseAddress(address),
    edge: edge ?? {},
  };
}

/** The form of the path that policies matched. */
export const pathOf = ({ path, url = "https://example.com/" }: Given): string =>
  path ?? new URL(url).pathname;

interface Request extends Given {
  readonly params?: Readonly<Record<string, string>>;
}

/** What the policies of a configuration charge for a request that all of them match. */
export async function chargesOf(
  policies: readonly Readonly<Record<string, unknown>>[],
  { params = {}, ...given }: Request,
  { secret, prefix = 64 }: { secret?: string; prefix?: number } = {},
): Promise<readonly PolicyCharge[]> {
  const parsed = parseConfig({ POLICIES: policies });
  if (!parsed.ok)
    throw new Error(parsed.problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  const chargeRequest = createCharges(createDigest(secret), prefix);
  const matched = parsed.config.policies.map((policy) => ({ policy, path: pathOf(given), params }));
  return chargeRequest(matched, factsOf(given));
}

/** The key that a request has under a key expression; undefined when the policy does not apply. */
export async function keyOf(key: string, request: Request, prefix = 64): Promise<string | undefined> {
  const [charge] = await chargesOf([{ name: "p", match: "/:id/*", limit: "5/minute", key }], request, {
    prefix,
  });
  return charge?.charge.key;
}

export const withHeaders = (headers: Readonly<Record<string, string>>): Request => ({ headers });
