import { logFault } from "../http/decide.ts";
import type { Own } from "../http/limiter.ts";
import type { Log } from "../metrics/log.ts";
import { failure, notFound } from "./answers.ts";
import { type Routes, Unavailable } from "./routes.ts";
import type { SignIn } from "./sign-in.ts";

export interface AdminParts {
  readonly routes: Routes;
  /** Undefined: nobody can sign in, and what would be for operators is not there. */
  readonly signIn: SignIn | undefined;
  readonly log: Log;
}

/** Everything below `/_weir`: nothing of it is ever forwarded. */
export function createAdmin({ routes, signIn, log }: AdminParts): Own {
  return async (request, incoming) => {
    const route = routes.get(incoming.sentPath);
    if (!route || (route.access !== "anyone" && !signIn)) return notFound();
    const { methods } = route;
    const handle = methods[incoming.method === "HEAD" ? "GET" : incoming.method];
    if (!handle)
      return failure(405, "This path has no such method.", { Allow: allowed(Object.keys(methods)) });
    try {
      const refusal = route.access === "operator" ? await signIn?.(request, incoming) : undefined;
      return refusal ?? (await handle(request, incoming));
    } catch (error) {
      if (error instanceof Unavailable) return failure(503, error.message, { "Retry-After": "1" });
      logFault(log, error);
      return failure(500, "This is a mistake of Weir's own; its log says more.");
    }
  };
}

const allowed = (methods: readonly string[]): string =>
  methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
