/** An IP address. IPv4-mapped IPv6 is IPv4; a zone (`%eth0`) is left out. */
export interface IpAddress {
  /** Its one short form: `192.0.2.7`, `2001:db8::1`. */
  readonly text: string;
  /** Its bits, sixteen at a time: two numbers for IPv4, eight for IPv6. */
  readonly groups: readonly number[];
}

/** The part before a zone, made of nothing that a URL could take for the end of its host. */
const IPV6 = /^([\da-f:.]+)(%[\da-z]+)?$/i;
const IPV4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;
const MAPPED = /^::ffff:([\da-f]+):([\da-f]+)$/;

/** Reads four decimal numbers, or IPv6 in any of its forms; undefined when it is neither. */
export function parseIpAddress(text: string): IpAddress | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): IpAddress | undefined {
  const bytes = IPV4.exec(text)?.slice(1).map(Number);
  if (!bytes?.every((byte) => byte < 256)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return { text, groups: [a * 256 + b, c * 256 + d] };
}

/** The platform's URL parser knows every form of IPv6, and writes the one short form. */
function parseIpv6(text: string): IpAddress | undefined {
  const written = IPV6.exec(text)?.[1];
  const short = written && URL.parse(`http://[${written}]`)?.hostname.slice(1, -1);
  if (!short) return undefined;
  const mapped = MAPPED.exec(short)?.slice(1).map(fromHex);
  if (mapped) return { text: mapped.flatMap((group) => [group >> 8, group & 255]).join("."), groups: mapped };
  const [head = [], tail = []] = short
    .split("::")
    .map((half) => half.split(":").filter(Boolean).map(fromHex));
  return { text: short, groups: [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail] };
}

const fromHex = (group: string): number => Number.parseInt(group, 16);

/** The first `bits` bits of an address, the others 0, in groups. */
export function firstBits({ groups }: IpAddress, bits: number): number[] {
  return groups.map((group, i) => group & mask(i, bits));
}

/** Whether two addresses are of one family and have their first `bits` bits in common. */
export function shareFirstBits({ groups }: IpAddress, other: IpAddress, bits: number): boolean {
  if (groups.length !== other.groups.length) return false;
  return other.groups.every((group, i) => ((group ^ (groups[i] ?? 0)) & mask(i, bits)) === 0);
}

/** Which bits of a group are among the address's first `bits`. */
const mask = (group: number, bits: number): number =>
  0xffff << Math.min(16, Math.max(0, 16 * (group + 1) - bits));
