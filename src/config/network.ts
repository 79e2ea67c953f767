import ipaddr from "ipaddr.js";
import { bad, ok, type Result } from "./result.ts";

/** An address range: the first `bits` of `address`. IPv4-mapped IPv6 is IPv4. */
export interface Network {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  readonly bits: number;
}

/** An IP address or a CIDR network: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`. */
export function parseNetwork(text: string): Result<Network> {
  const written = text.trim();
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(written) || ipaddr.IPv6.isValidCIDR(written)) {
    const [address, bits] = ipaddr.parseCIDR(written);
    const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
    if (mapped && bits < 96) return bad(`"${text}" mixes IPv4 and IPv6; write the IPv4 network`);
    return ok(mapped ? { address: address.toIPv4Address(), bits: bits - 96 } : { address, bits });
  }
  if (ipaddr.IPv4.isValidFourPartDecimal(written) || ipaddr.IPv6.isValid(written)) {
    const address = ipaddr.process(written);
    return ok({ address, bits: address.kind() === "ipv4" ? 32 : 128 });
  }
  return bad(`"${text}" is not an IP address or network; write it like "192.0.2.7" or "10.0.0.0/8"`);
}
