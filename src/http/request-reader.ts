import { jsonRpcId, readMcpMessage } from "../key/mcp-message.ts";
import type { Need, RequestFacts } from "../key/request-facts.ts";
import type { VerifyToken } from "../key/token-verifier.ts";
import type { Deadline } from "../store/deadline.ts";
import { type ReadBody, readBody } from "./request-body.ts";

/** Looks at what takes work to know of one request, each thing once. */
export interface RequestReader {
  /** The request to forward: whole, whatever was read of its body. */
  current(): Request;
  /** The facts with what was needed. Waits for key endpoints count against the deadline, the body has a time of its own. */
  look(need: Need, facts: RequestFacts, deadline: Deadline): Promise<RequestFacts>;
  /** What a JSON-RPC call is answered with; undefined when the request is none. */
  callId(): Promise<string | number | undefined>;
}

/** Fields that only MCP's clients send. Their body is read for its id even when no policy needed it. */
const MCP_FIELDS = ["mcp-session-id", "mcp-protocol-version"];

export function createRequestReader(request: Request, verifyToken: VerifyToken): RequestReader {
  let reading: Promise<ReadBody> | undefined;
  let read: ReadBody | undefined;
  const body = async () => {
    reading ??= readBody(request);
    read = await reading;
    return read.body;
  };

  return {
    current: () => read?.request ?? request,

    async look(need, facts, deadline) {
      if (need === "token") {
        const claims = await verifyToken(request.headers.get("authorization"), deadline);
        return { ...facts, claims: claims ?? {} };
      }
      const json = await body();
      return { ...facts, body: { json, message: readMcpMessage(json) } };
    },

    async callId() {
      if (!read && !MCP_FIELDS.some((name) => request.headers.has(name))) return undefined;
      return jsonRpcId(await body());
    },
  };
}
