/** Sends more than it may. */
export const NOISY_USER = "margaret";

/** What the demo allows a user a minute, and one more. */
const MORE_THAN_A_MINUTE = 6;
const USERS = 30;
const ADDRESSES = 40;

export interface DemoTraffic {
  /** Sends what belongs into that second, counted from the start, and waits for the answers. */
  second(second: number): Promise<void>;
  /** Lets the noisy user run into the limit now. */
  overrun(): Promise<void>;
}

/** Traffic for the demo's policies in waves: most callers stay within their limits, a few do not. */
export function createDemoTraffic(url: string): DemoTraffic {
  const get = (address: number) =>
    answered(fetch(`${url}/api/items`, { headers: { "CF-Connecting-IP": `198.51.100.${address}` } }));
  const chat = (user: string, address: number) =>
    answered(
      fetch(`${url}/chat/message`, {
        method: "POST",
        body: "hello",
        headers: { "X-User-Id": user, "CF-Connecting-IP": `203.0.113.${address}` },
      }),
    );
  return {
    async second(second) {
      const wave = 9 + 6 * Math.sin(second / 90) + 2 * Math.sin(second / 23);
      const callers = Array.from({ length: Math.round(wave) }, (_, i) =>
        get((second * 7 + i * 3) % ADDRESSES),
      );
      const user = second % USERS;
      const messages = [
        chat(`user-${user}`, user),
        ...(second % 2 === 0 ? [chat(NOISY_USER, USERS + 1)] : []),
      ];
      // One address asks in bursts.
      const burst = second % 40 < 6 ? Array.from({ length: 3 }, () => get(ADDRESSES + 1)) : [];
      await Promise.all([...callers, ...messages, ...burst]);
    },
    async overrun() {
      await Promise.all(Array.from({ length: MORE_THAN_A_MINUTE }, () => chat(NOISY_USER, USERS + 1)));
    },
  };
}

async function answered(response: Promise<Response>): Promise<void> {
  await (await response).arrayBuffer();
}
