import type { HeaderFamily } from "../config/config.ts";
import { FIELDS } from "./rate-limit-fields.ts";

/** The origin of the page that sent the request, when it is another one than the request's own. */
export function crossOrigin(request: Request): string | undefined {
  const origin = request.headers.get("origin");
  return origin === null || origin === URL.parse(request.url)?.origin ? undefined : origin;
}

/** Lets a page of another origin read the rate limit fields. */
export function exposeFields(headers: Headers, families: ReadonlySet<HeaderFamily>): void {
  const names = ["Retry-After", ...[...families].flatMap((family) => FIELDS[family])];
  const exposed =
    headers
      .get("access-control-expose-headers")
      ?.toLowerCase()
      .split(/\s*,\s*/) ?? [];
  const missing = names.filter((name) => !exposed.includes(name.toLowerCase()));
  if (missing.length > 0) headers.append("Access-Control-Expose-Headers", missing.join(", "));
}
