/** What every row is compared with: a Worker that sends each request on to `ORIGIN` and does nothing else. */
export default {
  fetch(request, env) {
    return toOrigin(request, env.ORIGIN);
  },
};

/** Sends a request on, as it is. */
export function toOrigin(request, origin) {
  const { pathname, search } = new URL(request.url);
  return fetch(new Request(origin + pathname + search, request));
}

/** The configuration that starts Workers names these classes; nothing here uses them. */
export class CounterObject {}
export class MetricsObject {}
