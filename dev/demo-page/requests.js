const ENDPOINTS = {
  time: { method: "GET", path: "/api/time" },
  chat: { method: "POST", path: "/chat/message" },
};
const FIFTY = 50;
const AT_ONCE = 10;
const MAX_TILES = 200;
const MAX_NOTCHES = 60;
const ANSWER_TIMEOUT_MS = 30_000;
const SHOWN_HEADERS = [
  "RateLimit-Policy",
  "RateLimit",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "Retry-After",
];
const WINDOW_UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const TILE_CLASSES = { allowed: "go", refused: "stop", others: "odd" };

// What the page shows. "Clear" replaces it whole, so that answers still under way go nowhere.
let session = emptySession();

function emptySession() {
  // Each endpoint has policies of its own, so what is known of one says nothing about the other.
  return { totals: noCounts(), knowledge: { time: unknown(), chat: unknown() } };
}

function noCounts() {
  return { allowed: 0, refused: 0, others: 0 };
}

function unknown() {
  return { quotas: new Map(), headers: "", limited: undefined, refusal: undefined };
}

function chosen() {
  return document.querySelector("input[name=endpoint]:checked").value;
}

// --- reading the header fields ---------------------------------------------------------------

// A List of Strings with parameters, as in `"a-minute";r=4;t=60, "b";r=29;t=60`.
function parseList(field) {
  const items = field.matchAll(/"([^"\\]*)"((?:\s*;\s*[a-z*][\w.*-]*(?:=(?:"[^"]*"|[^;,\s]*))?)*)/g);
  return Array.from(items, ([, name, parameters]) => ({ name, ...parseParameters(parameters) }));
}

function parseParameters(text) {
  const pairs = text.matchAll(/;\s*([a-z*][\w.*-]*)(?:=("[^"]*"|[^;,\s]*))?/g);
  return Object.fromEntries(Array.from(pairs, ([, key, value]) => [key, parameterValue(value)]));
}

function parameterValue(text) {
  if (text === undefined) return true;
  return /^-?\d+$/.test(text) ? Number(text) : text.replaceAll('"', "");
}

function learnQuotas(known, headers) {
  const now = performance.now();
  for (const { name, q, w, qu } of parseList(headers.get("RateLimit-Policy") ?? "")) {
    // Where nothing is left of RateLimit the store was asked in vain; where it names some, the rest still holds.
    const before = headers.has("RateLimit") ? known.quotas.get(name) : {};
    known.quotas.set(name, { ...before, limit: q, window: w, unit: qu });
  }
  for (const { name, r, t } of parseList(headers.get("RateLimit") ?? "")) {
    const roomAt = t === undefined ? undefined : now + t * 1000;
    known.quotas.set(name, { ...known.quotas.get(name), left: r, roomAt });
  }
}

function lowestLeft(headers) {
  const left = parseList(headers.get("RateLimit") ?? "").map((item) => item.r);
  return left.length === 0 ? undefined : Math.min(...left);
}

function headerText(response) {
  const lines = SHOWN_HEADERS.filter((name) => response.headers.has(name)).map(
    (name) => `${name}: ${response.headers.get(name)}`,
  );
  return [`HTTP ${response.status} ${response.statusText}`.trim(), ...lines].join("\n");
}

// --- sending ---------------------------------------------------------------------------------

async function send(count) {
  const key = chosen();
  const batch = {
    ...ENDPOINTS[key],
    user: $("user").value,
    known: session.knowledge[key],
    totals: session.totals,
    counts: noCounts(),
    tiles: tilesFor(ENDPOINTS[key], count),
  };
  let toSend = count;
  const sender = async () => {
    while (toSend > 0) {
      toSend -= 1;
      await sendOne(batch);
      render();
    }
  };
  if (count > 1) $("fifty").disabled = true;
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, sender));
  if (count > 1) $("fifty").disabled = false;
  say("status", `Sent ${count}: ${countsText(batch.counts)}.`);
}

async function sendOne(batch) {
  const started = performance.now();
  try {
    const response = await fetch(batch.path, requestOf(batch));
    record(batch, started, response, await response.text());
  } catch (error) {
    batch.known.headers = `No answer: ${error.message}`;
    tally(batch, "others");
    addTile(batch.tiles, "others", ["none", "no reply"]);
  }
}

function requestOf({ method, user }) {
  const request = { method, cache: "no-store", signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) };
  if (method !== "POST") return request;
  const headers = { "Content-Type": "application/json" };
  if (user !== "") headers["X-User-Id"] = user;
  return { ...request, headers, body: JSON.stringify({ message: "Hello" }) };
}

function record(batch, started, response, body) {
  const { known } = batch;
  const ms = Math.round(performance.now() - started);
  learnQuotas(known, response.headers);
  known.limited = response.headers.has("RateLimit") || response.headers.has("RateLimit-Policy");
  known.headers = headerText(response);
  const kind = response.status === 429 ? "refused" : response.ok ? "allowed" : "others";
  tally(batch, kind);
  const left = lowestLeft(response.headers);
  addTile(batch.tiles, kind, [response.status, `${ms} ms`, left === undefined ? "not said" : `${left} left`]);
  if (kind === "refused") known.refusal = refusalOf(response, body);
  // An answer that was under way when the refusal came says nothing about afterwards.
  else if (known.refusal !== undefined && started > known.refusal.at) known.refusal = undefined;
}

function tally(batch, kind) {
  batch.totals[kind] += 1;
  batch.counts[kind] += 1;
}

function refusalOf(response, body) {
  const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const now = performance.now();
  return {
    at: now,
    until: Number.isFinite(seconds) ? now + seconds * 1000 : undefined,
    detail: detailOf(body) ?? "The answer gives no reason.",
  };
}

function detailOf(body) {
  try {
    const { detail, title } = JSON.parse(body);
    return detail ?? title;
  } catch {
    return undefined;
  }
}

// --- showing ---------------------------------------------------------------------------------

// A burst gets a group of its own, the newest on top; single requests continue the group above them.
function tilesFor({ method, path }, count) {
  const title = `${method} ${path}${count > 1 ? `, ${count} in parallel` : ""}`;
  const newest = $("log").firstElementChild;
  if (count === 1 && newest?.dataset.title === title) return newest.lastElementChild;
  const group = element("div", "");
  group.dataset.title = title;
  group.append(element("h3", "", title), element("ol", ""));
  $("log").prepend(group);
  $("log").scrollTop = 0;
  return group.lastElementChild;
}

function addTile(tiles, kind, [status, ...facts]) {
  const tile = element("li", `tile ${TILE_CLASSES[kind]}`);
  tile.append(element("b", "", status), ...facts.map((fact) => element("span", "", fact)));
  tiles.append(tile);
  if (document.getElementsByClassName("tile").length > MAX_TILES) dropOldestTile();
}

function dropOldestTile() {
  const oldest = $("log").lastElementChild;
  oldest.querySelector(".tile")?.remove();
  if (oldest.querySelector(".tile") === null) oldest.remove();
}

function render() {
  const { totals, knowledge } = session;
  const known = knowledge[chosen()];
  for (const kind of Object.keys(totals)) say(kind, String(totals[kind]));
  $("others-total").hidden = totals.others === 0;
  $("log").hidden = $("log").children.length === 0;
  $("no-answers").hidden = !$("log").hidden;
  say("headers", known.headers === "" ? "Nothing sent yet." : known.headers);
  $("headers").classList.toggle("quiet", known.headers === "");
  $("user-field").hidden = chosen() !== "chat";
  renderQuotas(known);
  renderRefusal(known.refusal);
}

function renderQuotas({ quotas, limited }) {
  const note =
    limited === undefined
      ? "Send a request: its answer says what is left of each quota."
      : limited
        ? ""
        : "The last answer has no RateLimit field: Weir is not in front of this page, or no policy limits this path.";
  $("quotas-note").textContent = note;
  $("quotas-note").hidden = note === "";
  const shown = limited === false ? [] : [...quotas];
  const known = new Map(Array.from($("quotas").children, (node) => [node.dataset.name, node]));
  for (const [name, quota] of shown) {
    const node = known.get(name) ?? addQuota(name);
    known.delete(name);
    renderQuota(node, quota);
  }
  for (const node of known.values()) node.remove();
}

function addQuota(name) {
  const node = element("div", "quota");
  node.dataset.name = name;
  const heading = element("p", "");
  heading.append(element("span", "name", name), element("span", "left"));
  const bar = element("div", "bar");
  bar.setAttribute("role", "meter");
  bar.setAttribute("aria-label", `Left of ${name}`);
  bar.append(element("i", ""));
  const facts = element("p", "quiet");
  facts.append(element("span", "per"), element("span", "room"));
  node.append(heading, bar, facts);
  $("quotas").append(node);
  return node;
}

function renderQuota(node, quota) {
  const { limit, left } = quota;
  const part = (className) => node.querySelector(`.${className}`);
  const share = left === undefined || !limit ? 0 : Math.min(1, left / limit);
  const leftText = left === undefined ? "unknown" : `${left} of ${limit ?? "?"} left`;
  part("left").textContent = leftText;
  part("per").textContent = perText(quota);
  part("room").textContent = roomText(quota);
  const bar = part("bar");
  bar.classList.toggle("low", share <= 0.25);
  bar.classList.toggle("notched", limit > 1 && limit <= MAX_NOTCHES);
  bar.style.setProperty("--steps", limit);
  bar.firstElementChild.style.width = `${share * 100}%`;
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", limit ?? left ?? 0);
  bar.setAttribute("aria-valuenow", left ?? 0);
  bar.setAttribute("aria-valuetext", leftText);
}

function perText({ limit, window: seconds, unit }) {
  const what = unit === "concurrent-requests" ? " at once" : unit === "content-bytes" ? " bytes" : "";
  if (seconds === undefined) return `${limit ?? "?"}${what}`;
  return `${limit}${what} per ${windowText(seconds)}`;
}

function windowText(seconds) {
  const [unit, length] = WINDOW_UNITS.find(([, unitSeconds]) => seconds % unitSeconds === 0);
  return seconds === length ? unit : `${seconds / length} ${unit}s`;
}

function roomText({ limit, left, roomAt }) {
  if (left === undefined) return "the store did not answer";
  if (left === limit) return "full";
  if (roomAt === undefined) return "";
  const seconds = secondsUntil(roomAt);
  return seconds > 0 ? `more room in ${durationText(seconds)}` : "more room by now";
}

function renderRefusal(refusal) {
  $("notice").hidden = refusal === undefined;
  if (refusal === undefined) return;
  const seconds = refusal.until === undefined ? undefined : secondsUntil(refusal.until);
  const over = seconds === 0;
  $("notice").classList.toggle("over", over);
  say("notice-title", over ? "The wait is over" : "Refused");
  say("detail", over ? "The limit has room for a request again." : refusal.detail);
  $("countdown").hidden = over || seconds === undefined;
  say("countdown", seconds === undefined ? "" : durationText(seconds));
  $("again").disabled = seconds > 0;
  if (over && !refusal.told) say("status", "You can try again now.");
  refusal.told = over;
}

function countsText({ allowed, refused, others }) {
  return `${allowed} allowed, ${refused} refused${others === 0 ? "" : `, ${others} other`}`;
}

function clear() {
  session = emptySession();
  $("log").replaceChildren();
  say("status", "Cleared. The limits themselves go on counting.");
  render();
}

// --- wiring ----------------------------------------------------------------------------------

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send(1);
});
$("form").addEventListener("change", render);
$("fifty").addEventListener("click", () => send(FIFTY));
$("again").addEventListener("click", () => send(1));
$("clear").addEventListener("click", clear);
// Another user has other counts, so what was learnt about this one no longer holds.
$("user").addEventListener("input", () => {
  session.knowledge.chat = unknown();
  render();
});
setInterval(render, TICK_MS);
render();
