import { env, waitUntil } from "cloudflare:workers";
import { createApp } from "./app.ts";
import { compose } from "./compose.ts";

export { MetricsObject } from "./metrics/metrics-object.ts";
export { CounterObject } from "./store/counter-object.ts";

export default createApp(compose(env as unknown as Record<string, unknown>, waitUntil));
