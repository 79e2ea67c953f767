import type { ClientIpSource } from "../config/config.ts";
import { firstBits, type IpAddress, parseIpAddress } from "../ip-address.ts";
import { BoundedMap } from "../store/bounded-map.ts";

/** A caller's address, and what it is keyed by: IPv4 whole, IPv6 by its first bits. */
export interface ClientAddress extends IpAddress {
  readonly network: string;
}

/** The caller's address, from where the configuration says; undefined when there is none or it is not one. */
export type ReadAddress = (headers: Headers) => ClientAddress | undefined;

/** The address that every request from another customer's Worker has. */
const OTHER_WORKERS = "2a06:98c0:3600::103";

/** Together they bound what is remembered. No address is longer, with brackets, zone and port. */
const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_LENGTH = 64;

/** Remembers the newest addresses: callers come again, and reading one is work. */
export function createAddressReader(source: ClientIpSource, ipv6Prefix: number): ReadAddress {
  const remembered = new BoundedMap<string, ClientAddress>(MAX_REMEMBERED);
  return (headers) => {
    const text = addressText(headers, source);
    if (!text) return undefined;
    const known = remembered.get(text);
    if (known) return known;
    const address = clientAddress(text, ipv6Prefix);
    if (address && text.length <= MAX_REMEMBERED_LENGTH) remembered.set(text, address);
    return address;
  };
}

function addressText(headers: Headers, source: ClientIpSource): string | null | undefined {
  if (source.kind === "header") return headers.get(source.name);
  return headers.get("x-forwarded-for")?.split(",").at(-source.fromRight);
}

/** An address as written, with what it is keyed by; undefined when it is none. */
export function clientAddress(text: string, ipv6Prefix: number): ClientAddress | undefined {
  const address = parseAddress(text);
  return address && { ...address, network: networkOf(address, ipv6Prefix) };
}

/** Reads an address, with or without a port. IPv4-mapped IPv6 becomes IPv4. */
export function parseAddress(text: string | null | undefined): IpAddress | undefined {
  const written = text?.trim() ?? "";
  const bare = /^\[(.+)\](:\d+)?$/.exec(written)?.[1] ?? /^([\d.]+):\d+$/.exec(written)?.[1] ?? written;
  return parseIpAddress(bare);
}

function networkOf(address: IpAddress, ipv6Prefix: number): string {
  if (address.groups.length === 2) return address.text;
  const network = firstBits(address, ipv6Prefix).map((group) => group.toString(16));
  return `${network.join(":")}/${ipv6Prefix}`;
}

/**
 * What a caller is keyed by: its network. All Workers of other customers share one address, so they are told apart by
 * their zone. Without an address: one key for all.
 */
export function addressKey(address: ClientAddress | undefined, headers: Headers): string {
  if (address === undefined) return "unknown";
  const zone = address.text === OTHER_WORKERS ? headers.get("cf-worker")?.trim() : undefined;
  return zone ? `worker ${zone.toLowerCase()}` : address.network;
}
