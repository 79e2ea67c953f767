/** What every row is compared with: a Worker that sends each request on to `ORIGIN` and does nothing else. */
export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url);
    return fetch(new Request(env.ORIGIN + pathname + search, request));
  },
};

/** The configuration that starts Workers names this class; nothing here uses it. */
export class CounterObject {}
