import { parseDecimal } from "../key/cost.ts";
import { isJsonType } from "../key/json-body.ts";
import { valueAt } from "../key/json-pointer.ts";
import { createEventReader } from "./event-reader.ts";

export interface ObservedResponse {
  /** The same response. Its body must be read or cancelled, else the cost is never known. */
  readonly response: Response;
  /**
   * The cost once the body has ended, failed or been cancelled; undefined when none was seen or it
   * makes no sense. Never rejects.
   */
  readonly cost: Promise<StatedCost | undefined>;
}

export interface StatedCost {
  /** Whole units. */
  readonly units: number;
  /** Whether the body was seen to its end, so that no later one can have been missed. */
  readonly isFinal: boolean;
}

/** Watches a body go by. */
interface Observer {
  see(chunk: Uint8Array): void;
  /** The cost in what was seen, after the last chunk. */
  finish(): number | undefined;
}

/** The largest JSON document, or data of an event, that a cost is looked for in. */
const MAX_DOCUMENT_BYTES = 64 * 1024;

/** Learns what a request cost from what the origin says at the pointer, while the response streams on. */
export function observeCost(response: Response, pointer: readonly string[]): ObservedResponse {
  const observer = createObserver(response.headers, pointer);
  if (!observer || response.body === null) return { response, cost: Promise.resolve(undefined) };
  const { promise: cost, resolve } = Promise.withResolvers<StatedCost | undefined>();
  const body = observed(response.body, observer, resolve);
  const answer = new Response(body, response);
  // With it the end of this body might go unnoticed.
  answer.headers.delete("content-length");
  return { response: answer, cost };
}

/** A cost as an origin states it: whole units, rounded up; undefined when it is not a number of at least 0. */
export function parseCost(value: unknown): number | undefined {
  const cost = typeof value === "string" ? parseDecimal(value) : value;
  if (typeof cost !== "number" || !(cost >= 0)) return undefined;
  // The sum turns -0 into 0.
  return Math.min(Math.ceil(cost) + 0, Number.MAX_SAFE_INTEGER);
}

/** The same body, read no faster than it is asked for. */
function observed(
  body: ReadableStream<Uint8Array>,
  observer: Observer,
  resolve: (cost: StatedCost | undefined) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const report = (isFinal: boolean) => {
    const units = observer.finish();
    resolve(units === undefined ? undefined : { units, isFinal });
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) {
            observer.see(value);
            return controller.enqueue(value);
          }
        } catch (error) {
          report(false);
          throw error;
        }
        report(true);
        controller.close();
      },
      cancel(reason) {
        report(false);
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** What looks for the cost in a response of this type and length; undefined when there is no use in it. */
function createObserver(headers: Headers, pointer: readonly string[]): Observer | undefined {
  const type = headers.get("content-type") ?? "";
  if (/^\s*text\/event-stream\s*(;|$)/i.test(type)) return observeEvents(pointer);
  const isTooLong = Number(headers.get("content-length")) > MAX_DOCUMENT_BYTES;
  return isJsonType(type) && !isTooLong ? observeDocument(pointer) : undefined;
}

/** The cost in one JSON document. */
function observeDocument(pointer: readonly string[]): Observer {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  return {
    see(chunk) {
      size += chunk.byteLength;
      text = size > MAX_DOCUMENT_BYTES ? "" : text + decoder.decode(chunk, { stream: true });
    },
    finish: () => costIn(text, pointer),
  };
}

/** The last cost in a stream of events. Half a document at its end is not JSON, so nothing is misread. */
function observeEvents(pointer: readonly string[]): Observer {
  const decoder = new TextDecoder();
  let cost: number | undefined;
  const events = createEventReader(MAX_DOCUMENT_BYTES, (data) => {
    cost = costIn(data, pointer) ?? cost;
  });
  return {
    see: (chunk) => events.read(decoder.decode(chunk, { stream: true })),
    finish() {
      events.end();
      return cost;
    },
  };
}

function costIn(text: string, pointer: readonly string[]): number | undefined {
  try {
    return parseCost(valueAt(JSON.parse(text), pointer));
  } catch {
    return undefined;
  }
}
