import { redirect, textAnswer } from "./answers.ts";
import type { Route } from "./routes.ts";

/** The dashboard: a page without data, which asks for the token and then for everything else. */
export interface Page {
  readonly html: string;
  readonly js: string;
  readonly css: string;
}

const FIELDS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
};

export function pageRoutes({ html, js, css }: Page): [path: string, Route][] {
  const file = (text: string, type: string): Route => ({
    access: "page",
    methods: { GET: () => textAnswer(text, `text/${type}; charset=utf-8`, FIELDS) },
  });
  return [
    ["/_weir", { access: "page", methods: { GET: () => redirect("/_weir/") } }],
    ["/_weir/", file(html, "html")],
    ["/_weir/dashboard.js", file(js, "javascript")],
    ["/_weir/dashboard.css", file(css, "css")],
  ];
}
