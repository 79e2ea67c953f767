import { Hono } from "hono";
import { type Faults, parseFault, SIMPLE_FAULTS } from "./faults.ts";
import { requireToken } from "./rest-middleware.ts";

export const FAULTS_PATH = "/__faults";

const USAGE = `a fault is {"kind": "delay", "ms": 100} or {"kind": one of ${SIMPLE_FAULTS.join(", ")}}; "times" limits it`;

/** Lets tests in another process set the faults: POST one to set it, DELETE to clear. Upstash has no such path. */
export function createFaultRoutes(faults: Faults, token: string): Hono {
  const app = new Hono();
  app.use(requireToken(token));
  app.post(FAULTS_PATH, async (c) => {
    const fault = parseFault(await c.req.json().catch(() => undefined));
    if (fault === undefined) return c.json({ error: USAGE }, 400);
    faults.set(fault);
    return c.json({ fault });
  });
  app.delete(FAULTS_PATH, (c) => {
    faults.clear();
    return c.json({ fault: null });
  });
  return app;
}
