import { Hono } from "hono";

/** The least that a refusal costs a Worker that uses Hono: no caller, no count, no fields. */
const app = new Hono();
app.all("*", (c) => c.text("Too many requests", 429));

export default app;

/** The configuration that starts Workers names these classes; nothing here uses them. */
export class CounterObject {}
export class MetricsObject {}
