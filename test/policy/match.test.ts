import { describe, expect, it } from "vitest";
import { applies, lineOf, matcherOf, matcherOfEnv, namesOf, paramsOf } from "./fixtures.ts";

const PREFLIGHT = { origin: "https://a.example", "access-control-request-method": "POST" };

describe("a policy's path", () => {
  it.each([
    ["/chat/message", "/chat/message"],
    ["/chat/*", "/chat/message"],
    ["/chat/*", "/chat/a/b/c"],
    ["/chat/*", "/chat"],
    ["/*", "/"],
    ["/*", "/anything/at/all"],
    ["/", "/"],
    ["/users/:id", "/users/7"],
    ["/users/:id/posts", "/users/7/posts"],
    ["/users/:id?", "/users"],
    ["/users/:id?", "/users/7"],
    ["/users/:id{[0-9]+}", "/users/7"],
    ["/files/:name{.+\\.png}", "/files/a/b.png"],
    ["/v1/*/items", "/v1/shop/items"],
    ["/café", "/café"],
    ["/caf%C3%A9", "/café"],
  ])("%s applies to %s", (match, path) => {
    expect(applies(match, `GET ${path}`)).toBe(true);
  });

  it.each([
    ["/chat/message", "/chat"],
    ["/chat/message", "/chat/message/1"],
    ["/chat/message", "/chat/messages"],
    ["/chat/message", "/api/chat/message"],
    ["/chat/*", "/chats"],
    ["/", "/a"],
    ["/users/:id", "/users"],
    ["/users/:id", "/users/7/posts"],
    ["/users/:id{[0-9]+}", "/users/seven"],
    ["/users/:id{[0-9]+|me}", "/users/me2"],
    ["/v1/*/items", "/v1/items"],
  ])("%s does not apply to %s", (match, path) => {
    expect(applies(match, `GET ${path}`)).toBe(false);
  });

  it("of several, one is enough, and it counts once", () => {
    const matcher = matcherOf({ both: ["/a/*", "/a/b"], other: "/c" });
    expect(namesOf(matcher, "GET /a/b")).toEqual(["both"]);
  });

  it.each([
    ["/:service{[a-z]+}/$metadata", "/shop/$metadata"],
    ["/:lang{[a-z]+}/c++", "/en/c++"],
    ["/:lang{[a-z]+}/c++/$all", "/en/c++/$all"],
    ["/:lang{[a-z]+}/c++/f(x)", "/en/c++/f(x)"],
    ["/:lang{[a-z]+}/(a/(b/(c", "/en/(a/(b/(c"],
  ])(
    "%s, with what means something in a regular expression after a constraint, applies to %s",
    (match, path) => {
      expect(applies(match, `GET ${path}`)).toBe(true);
    },
  );
});

describe("a policy for /chat/message", () => {
  it.each([
    "/CHAT/message",
    "/Chat/MESSAGE",
    "/chat/message/",
    "//chat/message",
    "/chat//message",
    "///chat///message///",
    "/%63hat/message",
    "/chat%2fmessage",
    "/chat%2Fmessage%2f",
    "/%43HAT/%6dessage",
    "/x/../chat/message",
    "/chat/./message",
    "/chat/x/%2e%2e/message",
    "/chat/x/..%2fmessage",
    "/x/..%2fchat/message",
    "/..%2fchat/message",
    "/chat/.%2fmessage",
    "/chat\\message",
    "/chat%5cmessage",
    "/x%5c..%5cchat/message",
    "/chat/message?a=b",
    "/chat/message#a",
  ])("is not escaped by %s", (path) => {
    expect(applies("/chat/message", `POST ${path}`)).toBe(true);
  });

  it.each(["/x%5cy/..%2fchat/message", "/x%5c/..%2f..%2f..%2fchat/message"])(
    "is not escaped by %s, which an origin reads without taking \\ for /",
    (path) => {
      expect(applies("/chat/message", `POST ${path}`)).toBe(true);
    },
  );

  it.each(["/chat%252fmessage", "/chat/message%00", "/chat/mess%61ges", "/chat/message;x"])(
    "does not apply to %s, which is another path",
    (path) => {
      expect(applies("/chat/message", `POST ${path}`)).toBe(false);
    },
  );
});

describe("bytes that are not UTF-8", () => {
  it.each(["/%ff/message", "/%c3%28/message", "/%e0%80%af/message"])(
    "in %s are matched by a wildcard",
    (path) => {
      expect(applies("/*/message", `GET ${path}`)).toBe(true);
    },
  );

  it("do not hide what stands beside them", () => {
    expect(applies("/:any/message", "GET /%ff/%6dessage")).toBe(true);
    expect(applies("/:any{.+}/message", "GET /%ff%2fmessage")).toBe(true);
  });

  it("and a percent sign without digits stay what they are", () => {
    expect(applies("/100%/off", "GET /100%/off")).toBe(true);
    expect(applies("/*", "GET /%zz%")).toBe(true);
  });
});

describe("a policy's methods", () => {
  it.each([
    ["GET /a", "GET", true],
    ["GET /a", "HEAD", true],
    ["HEAD /a", "HEAD", true],
    ["HEAD /a", "GET", false],
    ["GET,POST /a", "POST", true],
    ["get,post /a", "HEAD", true],
    ["GET,POST /a", "PUT", false],
    ["POST /a", "OPTIONS", false],
    ["/a", "DELETE", true],
    ["/a", "OPTIONS", true],
    ["OPTIONS /a", "OPTIONS", true],
  ])("%s, asked with %s: %s", (match, method, expected) => {
    expect(applies(match, `${method} /a`)).toBe(expected);
  });
});

describe("a CORS preflight", () => {
  it.each(["/chat", "POST /chat", "/*"])("is not limited by %s", (match) => {
    expect(applies(match, "OPTIONS /chat", PREFLIGHT)).toBe(false);
  });

  it.each(["OPTIONS /chat", "POST,OPTIONS /chat"])("is limited by %s, which names OPTIONS", (match) => {
    expect(applies(match, "OPTIONS /chat", PREFLIGHT)).toBe(true);
  });

  it("is only an OPTIONS request", () => {
    expect(applies("/chat", "POST /chat", PREFLIGHT)).toBe(true);
  });
});

describe("a policy's host", () => {
  it.each([
    ["example.com/*", "https://example.com/a", true],
    ["Example.COM/*", "https://example.com/a", true],
    ["example.com/*", "https://EXAMPLE.com/a", true],
    ["example.com/*", "https://example.com./a", true],
    ["example.com/*", "https://example.com:8443/a", true],
    ["example.com/*", "https://example.com.:8443/a", true],
    ["example.com:8443/*", "https://example.com:8443/a", true],
    ["example.com:8443/*", "https://example.com.:8443/a", true],
    ["example.com:8443/*", "https://example.com/a", false],
    ["example.com:8443/*", "https://example.com:9443/a", false],
    ["example.com/*", "https://www.example.com/a", false],
    ["example.com/*", "https://example.com.evil.example/a", false],
    ["[::1]/*", "http://[::1]:8787/a", true],
    ["[::1]:8787/*", "http://[0:0::1]:8787/a", true],
    ["[::1]:8787/*", "http://[::1]/a", false],
    ["POST example.com/a", "https://example.com/a", false],
  ])("%s, asked for %s: %s", (match, url, expected) => {
    expect(applies(match, `GET ${url}`)).toBe(expected);
  });
});

describe("a constraint of a parameter", () => {
  it.each([
    ["/files/:name{[A-Z]+\\.PNG}", "/files/photo.png"],
    ["/files/:name{[a-z]+\\.png}", "/files/PHOTO.PNG"],
    ["/users/:id{USER-\\d+}", "/users/user-7"],
    ["/users/:id{\\D+}", "/users/Seven"],
    ["/a/:id{[A-F]+}/b", "/a/cafe/b"],
    ["/a/:id{[A-F]+|none}", "/a/beef"],
  ])("%s applies to %s: case does not matter", (match, path) => {
    expect(applies(match, `GET ${path}`)).toBe(true);
  });

  it.each([
    ["/users/:id{\\D+}", "/users/7"],
    ["/users/:id{[A-Z]+}", "/users/7"],
  ])("%s does not apply to %s: its meaning stays", (match, path) => {
    expect(applies(match, `GET ${path}`)).toBe(false);
  });

  it.each([
    ["/f/:path{[A-Z]+/X}", "/f/abc/x"],
    ["/f/:path{[^/]\\D+}", "/f/abc"],
    ["/f/:path{[^/]+\\S\\.PNG}", "/f/photo.png"],
  ])("%s, which has a slash in it, applies to %s", (match, path) => {
    expect(applies(match, `GET ${path}`)).toBe(true);
  });
});

describe("the parameters of a path", () => {
  it.each([
    ["/users/:id", "/users/7", { id: "7" }],
    ["/Users/:userId", "/USERS/Alice/", { userId: "alice" }],
    ["/users/:id", "/users/caf%C3%89", { id: "café" }],
    ["/users/:id", "/users/a%20b", { id: "a b" }],
    ["/:a/:b", "/x/Y", { a: "x", b: "y" }],
    ["/f/:path{.+}", "/f/a//B", { path: "a/b" }],
    ["/users/:id?", "/users", {}],
    ["/users/:id", "/users/:id", { id: ":id" }],
    ["/:lang{[a-z]+}/c++/:literal", "/en/c++/7", { lang: "en", literal: "7" }],
  ])("of %s in %s come from the decoded lower-case form", (match, path, params) => {
    expect(paramsOf(match, `GET ${path}`)).toMatchObject(params);
  });
});

describe("several policies", () => {
  const matcher = matcherOf({ third: "/chat/*", first: "/*", second: "POST /chat/message", none: "/other" });

  it("apply together, in the order of the configuration", () => {
    expect(namesOf(matcher, "POST /chat/message")).toEqual(["third", "first", "second"]);
  });

  it("apply in that order, also where only another reading of the path brings the first in", () => {
    const both = matcherOf({ message: "/chat/message", all: "/*" });
    const names = namesOf(both, "POST /x/..%2fchat/message");
    expect([...new Set(names)]).toEqual(["message", "all"]);
  });

  it("match each form of a path, so that whichever the origin serves is charged", () => {
    const users = matcherOf({ users: "/users/:id/*" });
    const matched = users.match(lineOf("GET /users/5/..%2f..%2fusers/7/x"));
    expect(matched.map(({ params }) => params.id)).toEqual(["5", "7"]);
  });

  it("of which none matches: none applies", () => {
    expect(namesOf(matcherOf({ chat: "POST /chat/message" }), "POST /chat/history")).toEqual([]);
  });

  it("whose mode is off never apply", () => {
    const policy = { name: "a", limit: "5/m" };
    const env = {
      POLICIES: [
        { ...policy, mode: "off" },
        { ...policy, name: "b", mode: "shadow" },
      ],
    };
    expect(namesOf(matcherOfEnv(env), "GET /")).toEqual(["b"]);
    expect(namesOf(matcherOfEnv({ ...env, MODE: "off" }), "GET /")).toEqual([]);
  });
});

describe("an exempt pattern", () => {
  const isExempt = (pattern: string, text: string) => matcherOf({}, [pattern]).isExempt(lineOf(text));

  it.each([
    ["GET /health", "GET /health"],
    ["GET /health", "HEAD /health"],
    ["/health", "POST /health"],
    ["/assets/*", "GET /assets/app.js"],
    ["/assets/*", "GET /assets/a/b/c.css"],
    ["/Health", "GET /Health"],
    ["/café", "GET /café"],
    ["/caf%C3%A9", "GET /caf%C3%A9"],
    ["example.com/health", "GET https://example.com/health"],
  ])("%s is met by %s", (pattern, text) => {
    expect(isExempt(pattern, text)).toBe(true);
  });

  it.each([
    ["GET /health", "POST /health"],
    ["GET /health", "GET /Health"],
    ["GET /health", "GET /health/"],
    ["GET /health", "GET //health"],
    ["GET /health", "GET /%68ealth"],
    ["GET /health", "GET /health/more"],
    ["/assets/*", "GET /Assets/app.js"],
    ["/assets/*", "GET /assets/../admin"],
    ["/assets/*", "GET /assets/%2e%2e/admin"],
    ["/assets/*", "GET /assets/..%2fadmin"],
    ["/assets/*", "GET /assets/%2e%2e%2fadmin"],
    ["/assets/*", "GET /assets/..%5cadmin"],
    ["/assets/*", "GET /assets/x%5c..%5c..%5cadmin"],
    ["example.com/health", "GET https://other.example/health"],
  ])("%s is not met by %s", (pattern, text) => {
    expect(isExempt(pattern, text)).toBe(false);
  });

  it("takes nothing away from policies on other paths", () => {
    const matcher = matcherOf({ all: "/*" }, ["GET /health"]);
    expect(namesOf(matcher, "GET /health/")).toEqual(["all"]);
    expect(matcher.isExempt(lineOf("GET /"))).toBe(false);
  });
});
