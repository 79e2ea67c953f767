import type { MiddlewareHandler } from "hono";

const METHODS = ["HEAD", "GET", "POST", "PUT"];
export const WRONG_TOKEN = "WRONGPASS invalid or missing auth token";

export const allowMethods: MiddlewareHandler = async (c, next) => {
  if (METHODS.includes(c.req.method)) return await next();
  return c.json({ error: "Method Not Allowed" }, 405, { Allow: METHODS.join(", ") });
};

/** Takes the token from the Authorization header, and from `?_token=` only when there is no such header. */
export function requireToken(token: string): MiddlewareHandler {
  return async (c, next) => {
    const header = c.req.header("Authorization");
    const given = header === undefined ? c.req.query("_token") : /^Bearer +(.+)$/i.exec(header)?.[1];
    if (given === token) return await next();
    return c.json({ error: WRONG_TOKEN }, 401);
  };
}

// JSON instead of what a client asked for would reach its RESP parser: better a refusal that can be read.
export const requireJsonFormat: MiddlewareHandler = async (c, next) => {
  const format = c.req.header("Upstash-Response-Format") ?? "json";
  if (format === "json") return await next();
  return c.json({ error: `ERR response format "${format}" is not supported by the local server` }, 400);
};

/**
 * Gives every answer a new token. A client sends the last one along with its next request, so that a replica can
 * wait until it has caught up; a single Redis is never behind, so the token that comes in is not looked at.
 */
export function syncToken(): MiddlewareHandler {
  let answers = 0;
  return async (c, next) => {
    await next();
    answers += 1;
    c.header("Upstash-Sync-Token", Buffer.from(`local:${answers}`).toString("base64url"));
  };
}
