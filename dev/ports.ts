import { connect, createServer } from "node:net";
import { portOf } from "./start-settings.ts";

const CONNECT_TIMEOUT_MS = 2_000;

/** Whether something takes connections at the address of this URL. */
export async function isListening(url: URL): Promise<boolean> {
  // A URL writes IPv6 addresses in brackets, a socket does not.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return await new Promise((resolve) => {
    const socket = connect({ host, port: portOf(url), timeout: CONNECT_TIMEOUT_MS });
    const answer = (listening: boolean) => {
      socket.destroy();
      resolve(listening);
    };
    socket.once("connect", () => answer(true));
    socket.once("timeout", () => answer(false));
    socket.once("error", () => answer(false));
  });
}

/** Why this port of 127.0.0.1 cannot be listened on, as the code of the system; undefined when it can. */
export async function whyPortIsClosed(port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
}
