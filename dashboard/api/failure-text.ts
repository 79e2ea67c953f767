import { seconds } from "../text/durations.ts";
import type { Failure } from "./client.ts";

/** A failure as a sentence or two for the operator. */
export function failureText(failure: Failure): string {
  switch (failure.kind) {
    case "unauthorized":
      return "The token is not accepted.";
    case "throttled":
      return `Too many wrong tokens came from your address. Try again in ${seconds(failure.retryAfterSeconds)}.`;
    case "unreachable":
      return failure.detail;
    case "refused":
      return [failure.detail, ...failure.hints].join(" ");
  }
}
