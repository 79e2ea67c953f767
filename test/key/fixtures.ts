import { parseConfig } from "../../src/config/parse-config.ts";
import { type Charges, createCharges, type PolicyCharge } from "../../src/key/charges.ts";
import { clientAddress } from "../../src/key/client-address.ts";
import { createDigest } from "../../src/key/digest.ts";
import { parseJsonBody } from "../../src/key/json-body.ts";
import type { Reading } from "../../src/key/key-part.ts";
import { readMcpMessage } from "../../src/key/mcp-message.ts";
import type { RequestFacts } from "../../src/key/request-facts.ts";
import type { Claims } from "../../src/key/token-verifier.ts";

/** What is known of a request: a plain one, with some facts changed. */
export interface Given {
  readonly method?: string;
  readonly url?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string | undefined;
  readonly edge?: RequestFacts["edge"];
  /** What a verified token says; not looked at when it is left out. */
  readonly claims?: Claims;
  /** What the body is as text; not looked at when it is left out. */
  readonly body?: string;
}

export function factsOf(
  { method = "GET", url = "https://example.com/", headers, edge, claims, body, ...rest }: Given,
  prefix = 64,
): RequestFacts {
  const address = "address" in rest ? rest.address : "192.0.2.7";
  return {
    method,
    url: new URL(url),
    headers: new Headers(headers),
    address: clientAddress(address ?? "", prefix),
    edge: edge ?? {},
    claims,
    body: body === undefined ? undefined : bodyFacts(body),
  };
}

function bodyFacts(text: string): RequestFacts["body"] {
  const json = parseJsonBody(new TextEncoder().encode(text));
  return { json, message: readMcpMessage(json) };
}

/** The form of the path that policies matched. */
export const pathOf = ({ path, url = "https://example.com/" }: Given): string =>
  path ?? new URL(url).pathname;

interface Request extends Given {
  readonly params?: Readonly<Record<string, string>>;
}

type Policies = readonly Readonly<Record<string, unknown>>[];

/** What the policies of a configuration charge for a request that all of them match, as far as its facts show. */
export async function knownChargesOf(
  policies: Policies,
  { params = {}, ...given }: Request,
  { secret, prefix = 64 }: { secret?: string; prefix?: number } = {},
): Promise<Charges> {
  const parsed = parseConfig({ POLICIES: policies, JWT_SECRET: "secret" });
  if (!parsed.ok)
    throw new Error(parsed.problems.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  const chargeRequest = createCharges(createDigest(secret));
  const matched = parsed.config.policies.map((policy) => ({ policy, path: pathOf(given), params }));
  return chargeRequest(matched)(factsOf(given, prefix));
}

/** All charges of a request whose facts show them. */
export async function chargesOf(
  policies: Policies,
  request: Request,
  options: { secret?: string; prefix?: number } = {},
): Promise<readonly PolicyCharge[]> {
  const { known, needs } = await knownChargesOf(policies, request, options);
  if (needs !== undefined) throw new Error(`the ${needs} was not given`);
  return known;
}

/** The key that a request has under a key expression; undefined when the policy does not apply. */
export async function keyOf(key: string, request: Request, prefix = 64): Promise<string | undefined> {
  const [charge] = await chargesOf([{ name: "p", match: "/:id/*", limit: "5/minute", key }], request, {
    prefix,
  });
  return charge?.charge.key;
}

export const withHeaders = (headers: Readonly<Record<string, string>>): Request => ({ headers });

export const readingOf = (text: string | undefined): Reading =>
  text === undefined ? { kind: "absent" } : { kind: "value", text };
