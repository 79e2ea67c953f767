import { env, waitUntil } from "cloudflare:workers";
import { version } from "../package.json";
import css from "./admin/dashboard/dashboard.css.txt";
import html from "./admin/dashboard/dashboard.html";
import js from "./admin/dashboard/dashboard.js.txt";
import openapi from "./admin/openapi.json.txt";
import { compose } from "./compose.ts";
import refusalPage from "./http/refusal-page.html";
import { LUA } from "./store/scripts/texts.ts";

export { MetricsObject } from "./metrics/metrics-object.ts";
export { CounterObject } from "./store/counter-object.ts";

export default {
  fetch: compose(env as unknown as Record<string, unknown>, waitUntil, {
    version,
    openapi,
    page: { html, js, css },
    refusalPage,
    lua: LUA,
  }),
} satisfies ExportedHandler;
