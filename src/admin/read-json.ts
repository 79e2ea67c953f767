import { parseJsonBody } from "../key/json-body.ts";
import { badRequest, failure } from "./answers.ts";

const MAX_BODY_BYTES = 16 * 1024;

/** An operator's body as an object, or the answer that says why it is none. Nothing of the body is repeated. */
export async function readJson(request: Request): Promise<{ readonly body: object } | Response> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers.get("content-type") ?? ""))
    return failure(415, "The body must be JSON: Content-Type: application/json.");
  const bytes = await readBytes(request);
  if (!bytes) return failure(413, `The body must not have more than ${MAX_BODY_BYTES} bytes.`);
  const json = parseJsonBody(bytes);
  const value = json.kind === "json" ? json.value : undefined;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { body: value };
  return badRequest([{ path: "", message: "is not a JSON object that names each member once" }]);
}

/** The whole body; undefined when it is too large. Never holds more of it than may be. */
async function readBytes({ body }: Request): Promise<Uint8Array | undefined> {
  let bytes = new Uint8Array();
  if (!body) return bytes;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    const joined = new Uint8Array(bytes.length + chunk.length);
    if (joined.length > MAX_BODY_BYTES) return undefined;
    joined.set(bytes);
    joined.set(chunk, bytes.length);
    bytes = joined;
  }
  return bytes;
}
