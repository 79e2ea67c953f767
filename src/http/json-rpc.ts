import type { ProblemBody } from "./problem.ts";
import type { Fields } from "./rate-limit-fields.ts";

/** Of the range that JSON-RPC 2.0 leaves to servers, what gateways use for "too many requests". */
const RATE_LIMITED = -32029;

/** A refusal as the error of a JSON-RPC call, so that the caller's program gets it as the result of that call. */
export function jsonRpcResponse(id: string | number, problem: ProblemBody, headers: Fields): Response {
  const { type, detail, retry_after_seconds, "violated-policies": violated = [] } = problem;
  const isQuota = type.endsWith("#quota-exceeded");
  const data = { retry_after_seconds, "violated-policies": violated, ...(!isQuota && { type }) };
  const body = { jsonrpc: "2.0", id, error: { code: RATE_LIMITED, message: detail, data } };
  return Response.json(body, { status: problem.status, headers });
}
