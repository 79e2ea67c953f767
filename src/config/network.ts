import { type IpAddress, parseIpAddress } from "../ip-address.ts";
import { bad, ok, type Result } from "./result.ts";

/** An address range: the first `bits` of `address`. IPv4-mapped IPv6 is IPv4. */
export interface Network {
  readonly address: IpAddress;
  readonly bits: number;
}

/** An IP address or a CIDR network: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`. */
export function parseNetwork(text: string): Result<Network> {
  const [, written = "", length] = /^([^/]*)(?:\/(\d+))?$/.exec(text.trim()) ?? [];
  const address = parseIpAddress(written);
  const most = written.includes(":") ? 128 : 32;
  const bits = Number(length ?? most);
  if (!address || bits > most)
    return bad(`"${text}" is not an IP address or network; write it like "192.0.2.7" or "10.0.0.0/8"`);
  // What an IPv4-mapped address has in front of the IPv4 address.
  const mappedBits = most - 16 * address.groups.length;
  if (bits < mappedBits) return bad(`"${text}" mixes IPv4 and IPv6; write the IPv4 network`);
  return ok({ address, bits: bits - mappedBits });
}
