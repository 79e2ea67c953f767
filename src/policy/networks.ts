import type { IPv4, IPv6 } from "ipaddr.js";
import type { Network } from "../config/network.ts";

/** Whether the address is in one of the networks. */
export function isInNetworks(address: IPv4 | IPv6 | undefined, networks: readonly Network[]): boolean {
  if (address === undefined) return false;
  return networks.some((network) => {
    // The library refuses to compare an address with a network of the other family.
    return network.address.kind() === address.kind() && address.match(network.address, network.bits);
  });
}
