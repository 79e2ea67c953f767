import type { Network } from "../config/network.ts";
import { type IpAddress, shareFirstBits } from "../ip-address.ts";

/** Whether the address is in one of the networks. */
export function isInNetworks(address: IpAddress | undefined, networks: readonly Network[]): boolean {
  if (address === undefined) return false;
  return networks.some((network) => shareFirstBits(address, network.address, network.bits));
}
