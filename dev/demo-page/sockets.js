const SOCKET_PATH = "/chat/socket";
const SOCKETS_AT_ONCE = 5;
const MANY = 25;
const MAX_ENTRIES = 200;
const NORMAL = 1000;
const NO_CLOSE_FRAME = 1006;
const POLICY_VIOLATION = 1008;
const CODE_WORDS = {
  1000: "normal closure",
  1001: "going away",
  1005: "without a code",
  1006: "without a close frame",
  1008: "policy violation",
  1009: "message too big",
  1011: "internal error",
  1013: "try again later",
};
const ENTRY_CLASSES = { echoed: "go", refused: "stop", closed: "odd", failed: "odd" };

// Oldest first. One counts as open once the demo server has greeted it: a browser reports a refused socket as open too,
// just before it reports it as closed.
let open = [];
let lastSocket = 0;
let lastMessage = 0;
let totals = noCounts();
// The messages since the buttons were last used with nothing under way.
let round = noCounts();
// Of the newest refused socket and of the newest refused message.
const refusals = { socket: undefined, message: undefined };
// The lines of the log that count down.
let countdowns = [];

function noCounts() {
  return { sent: 0, echoed: 0, refused: 0, lost: 0 };
}

// --- sockets -----------------------------------------------------------------------------------

function openSocket() {
  lastSocket += 1;
  const socket = new WebSocket(new URL(SOCKET_PATH, location.href.replace(/^http/, "ws")));
  const connection = { socket, number: lastSocket, greeted: false, leaving: false, unanswered: 0 };
  socket.addEventListener("message", ({ data }) => {
    if (!connection.greeted) greeted(connection, data);
    else answered(connection, data);
    render();
  });
  socket.addEventListener("close", (event) => {
    if (connection.greeted) closed(connection, event);
    else notOpened(connection, event);
    render();
  });
}

function greeted(connection, greeting) {
  connection.greeted = true;
  open.push(connection);
  refusals.socket = undefined;
  addEntry("opened", connection, greeting);
  say("socket-status", `#${connection.number} is open.`);
}

function notOpened(connection, { code, reason }) {
  const why = closeText(code, reason);
  if (code === NO_CLOSE_FRAME) {
    addEntry("failed", connection, `No connection: closed ${why}`);
    say(
      "socket-status",
      `#${connection.number} could not be opened: nothing answers, or not with a WebSocket.`,
    );
    return;
  }
  addEntry("refused", connection, `Closed at once: ${why}`);
  say("socket-status", `#${connection.number} was refused.`);
  const seconds = /retry after (\d+)s/.exec(reason)?.[1];
  refusals.socket = {
    title: `Socket #${connection.number} refused`,
    detail: `Closed with ${why}.${code === POLICY_VIOLATION ? ` ${placesText()}` : ""}`,
    until: seconds === undefined ? undefined : instantIn(Number(seconds)),
    over: "There may be room for a socket again.",
  };
}

function placesText() {
  if (open.length >= SOCKETS_AT_ONCE)
    return "The wait is an estimate: close a socket, and its place is free at once.";
  return "Other pages, or sockets that were cut off a moment ago, have the rest of the places.";
}

function closed(connection, { code, reason }) {
  open = open.filter((other) => other !== connection);
  if (refusals.socket !== undefined)
    refusals.socket = { ...refusals.socket, until: 0, over: "A place is free again.", told: true };
  count("lost", connection.unanswered);
  const how = closeText(code, reason);
  if (connection.leaving) {
    addEntry("left", connection, `Closed by you: ${how}`);
    say("socket-status", `#${connection.number} is closed.`);
  } else {
    addEntry("closed", connection, how);
    if (round.lost === 0) say("socket-status", `#${connection.number} was closed: ${how}.`);
  }
}

function closeNewest() {
  const newest = open.findLast(({ leaving }) => !leaving);
  if (newest === undefined) return;
  newest.leaving = true;
  newest.socket.close(NORMAL);
}

function closeText(code, reason) {
  const words = CODE_WORDS[code];
  return `${code}${words === undefined ? "" : ` (${words})`}${reason === "" ? "" : `, “${reason}”`}`;
}

// --- messages ----------------------------------------------------------------------------------

function send(times) {
  if (isSettled()) round = noCounts();
  for (let i = 0; i < times && open.length > 0; i += 1) {
    // In turn over all that are open: the limit counts them together.
    const connection = open[lastMessage % open.length];
    lastMessage += 1;
    const text = `Hello ${lastMessage}`;
    connection.socket.send(text);
    connection.unanswered += 1;
    count("sent", 1);
    addEntry("sent", connection, text);
  }
  render();
}

function answered(connection, data) {
  connection.unanswered -= 1;
  const refusal = refusalIn(data);
  if (refusal === undefined) {
    addEntry("echoed", connection, data);
    // One that was under way when the refusal came says nothing about afterwards.
    if (refusals.message?.after < Number(/\d+$/.exec(data)?.[0])) refusals.message = undefined;
    count("echoed", 1);
    return;
  }
  const seconds = refusal.retry_after_seconds;
  const until = seconds === undefined ? undefined : instantIn(seconds);
  const line = addEntry("refused", connection, waitText(until));
  if (until !== undefined) countdowns.push({ line, until });
  refusals.message = {
    title: "Message refused",
    detail: "Weir did not forward it, and answered:",
    // Spaced so that lines break between its members.
    frame: data.replaceAll(',"', ', "'),
    until,
    over: "There is room for a message again.",
    after: lastMessage,
  };
  count("refused", 1);
}

function refusalIn(data) {
  try {
    const frame = JSON.parse(data);
    return frame?.type === "rate_limited" ? frame : undefined;
  } catch {
    return undefined;
  }
}

function count(kind, times) {
  totals[kind] += times;
  round[kind] += times;
  if (kind !== "sent" && times > 0 && isSettled())
    say("socket-status", `Sent ${round.sent}: ${roundText()}.`);
}

function isSettled() {
  return round.sent === round.echoed + round.refused + round.lost;
}

function roundText() {
  const lost = round.lost === 0 ? "" : `, ${round.lost} lost as their socket was closed`;
  return `${round.echoed} echoed, ${round.refused} refused${lost}`;
}

function waitText(until) {
  if (until === undefined) return "rate_limited";
  const seconds = secondsUntil(until);
  return seconds > 0 ? `rate_limited, wait ${durationText(seconds)}` : "rate_limited, room again";
}

function instantIn(seconds) {
  return performance.now() + seconds * 1000;
}

// --- showing -----------------------------------------------------------------------------------

// The newest on top.
function addEntry(kind, { number }, text) {
  const entry = element("li", `entry ${ENTRY_CLASSES[kind] ?? ""}`.trim());
  const line = element("span", "text", text);
  entry.append(element("b", "", kind), element("span", "number", `#${number}`), line);
  $("entries").prepend(entry);
  $("entries-log").scrollTop = 0;
  if ($("entries").children.length > MAX_ENTRIES) $("entries").lastElementChild.remove();
  return line;
}

function render() {
  renderSlots();
  for (const kind of ["sent", "echoed", "lost"]) say(kind, String(totals[kind]));
  say("not-forwarded", String(totals.refused));
  $("lost-total").hidden = totals.lost === 0;
  $("entries-log").hidden = $("entries").children.length === 0;
  $("no-entries").hidden = !$("entries-log").hidden;
  disable(open.length === 0, ["send", "send-many", "close"]);
  renderCountdowns();
}

function renderSlots() {
  const beyond = open.length > SOCKETS_AT_ONCE;
  say(
    "open-count",
    beyond ? `${open.length}: no limit of ${SOCKETS_AT_ONCE} here` : `${open.length} of ${SOCKETS_AT_ONCE}`,
  );
  const free = Array.from({ length: Math.max(0, SOCKETS_AT_ONCE - open.length) }, () =>
    element("li", "", "free"),
  );
  $("slots").replaceChildren(...open.map(({ number }) => element("li", "taken", `#${number}`)), ...free);
}

// A button that has the focus would take it away with it.
function disable(disabled, ids) {
  if (disabled && ids.includes(document.activeElement.id)) $("open").focus();
  for (const id of ids) $(id).disabled = disabled;
}

function renderCountdowns() {
  for (const { line, until } of countdowns) line.textContent = waitText(until);
  countdowns = countdowns.filter(({ until }) => secondsUntil(until) > 0);
  renderRefusal("socket-refusal", refusals.socket, open.length < SOCKETS_AT_ONCE);
  renderRefusal("message-refusal", refusals.message, true);
}

function renderRefusal(id, refusal, mayHaveRoom) {
  const box = $(id);
  box.hidden = refusal === undefined;
  if (refusal === undefined) return;
  const { title, detail, frame = "", until, over } = refusal;
  const seconds = until === undefined ? 0 : secondsUntil(until);
  const isOver = until !== undefined && seconds === 0 && mayHaveRoom;
  const write = (selector, text) => {
    box.querySelector(selector).textContent = text;
  };
  box.classList.toggle("over", isOver);
  write("h3", isOver ? "The wait is over" : title);
  write(".detail", isOver ? over : detail);
  write("code", isOver ? "" : frame);
  write("strong", seconds === 0 ? "" : durationText(seconds));
  if (isOver && !refusal.told) say("socket-status", over);
  refusal.told = isOver;
}

function clear() {
  totals = noCounts();
  countdowns = [];
  $("entries").replaceChildren();
  say("socket-status", "Cleared. Sockets stay open, and the limits go on counting.");
  render();
}

// --- wiring ------------------------------------------------------------------------------------

$("open").addEventListener("click", openSocket);
$("send").addEventListener("click", () => send(1));
$("send-many").addEventListener("click", () => send(MANY));
$("close").addEventListener("click", closeNewest);
$("clear-entries").addEventListener("click", clear);
setInterval(renderCountdowns, TICK_MS);
render();
