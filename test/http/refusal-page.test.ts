import { describe, expect, it } from "vitest";
import TEMPLATE from "../../src/http/refusal-page.html?raw";
import { createRefusalPage } from "../../src/http/refusal-page.ts";

const refusalPage = createRefusalPage(TEMPLATE);
const PROBLEM = { type: "about:blank", title: "Service unavailable", status: 503, detail: "Not now." };

describe("the page of a refusal", () => {
  it("shows text as text, whatever it says", async () => {
    const problem = { ...PROBLEM, title: `<i>"Hello"</i>`, detail: "<script>alert('&amp;')</script>" };
    const page = await refusalPage(problem).text();
    expect(page).toContain("<h1>&#60;i&#62;&#34;Hello&#34;&#60;/i&#62;</h1>");
    expect(page).toContain("<p>&#60;script&#62;alert(&#39;&#38;amp;&#39;)&#60;/script&#62;</p>");
  });

  it("fills in what it is given once: text that looks like a place for a value stays text", async () => {
    const page = await refusalPage({ ...PROBLEM, title: "{{nonce}}", detail: "{{seconds}} $& $1" }).text();
    expect(page).toContain("<h1>{{nonce}}</h1>\n<p>{{seconds}} $&#38; $1</p>");
    expect(page.match(/\{\{\w+\}\}/g)).toEqual(["{{nonce}}", "{{nonce}}", "{{seconds}}"]);
  });

  it("counts down only to an end that is known", async () => {
    const soon = await refusalPage({ ...PROBLEM, retry_after_seconds: 7 }).text();
    expect(soon).toContain(`data-seconds="7">7 s</p>`);
    expect(await refusalPage(PROBLEM).text()).not.toContain("<script");
  });

  it("runs and shows nothing but its own script and style", async () => {
    const answer = refusalPage({ ...PROBLEM, retry_after_seconds: 7 });
    const policy = answer.headers.get("content-security-policy") ?? "";
    const [, nonce] = /script-src 'nonce-([\w-]+)'/.exec(policy) ?? [];
    const page = await answer.text();
    expect(page.match(/<(script|style) nonce="[\w-]+"/g)).toEqual([
      `<style nonce="${nonce}"`,
      `<script nonce="${nonce}"`,
    ]);
  });
});
