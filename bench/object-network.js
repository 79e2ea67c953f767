import * as worker from "./index.js";

/**
 * Stands in front of a Worker under measure, the same for all: counts the calls that reach its objects, and lets each
 * wait first, as long as a network would take. Within one process there is none.
 */
let calls = 0;
let delayMs = 0;

/** Runs in an object without a caller, so it is not of the network. */
const OWN = ["constructor", "alarm"];

export class CounterObject extends worker.CounterObject {}
export class MetricsObject extends worker.MetricsObject {}

for (const name of Object.getOwnPropertyNames(worker.CounterObject.prototype)) {
  if (OWN.includes(name)) continue;
  CounterObject.prototype[name] = async function (...parameters) {
    calls += 1;
    if (delayMs > 0) await scheduler.wait(delayMs);
    return worker.CounterObject.prototype[name].apply(this, parameters);
  };
}

export default {
  fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/__objects") return worker.default.fetch(request, env, context);
    delayMs = Number(searchParams.get("delay"));
    return Response.json(calls);
  },
};
