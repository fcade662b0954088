/** The script of the page: it asks for the view every second and shows what has changed. */
export const SCRIPT = String.raw`
"use strict";
const at = (id) => document.getElementById(id);
const nameOf = (arn) => arn.slice(arn.lastIndexOf(":") + 1);
let chosen = location.hash ? decodeURIComponent(location.hash.slice(1)) : "";
let view = { topics: [], queues: [], subscriptions: [], messages: [] };
const shown = new Map();

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

/** Draws a part again only if what it shows has changed, so that focus and selection stay. */
function draw(part, facts, paint) {
  const text = JSON.stringify(facts);
  if (shown.get(part) === text) return;
  shown.set(part, text);
  const focused = document.activeElement && document.activeElement.id;
  paint();
  if (focused && document.activeElement.id !== focused && at(focused)) at(focused).focus();
}

function plural(count, word) {
  return count + " " + word + (count === 1 ? "" : "s");
}

function paintQueues() {
  at("queues").replaceChildren(...view.queues.map((queue) => {
    const button = make("button", { type: "button", id: "q:" + queue.arn, textContent: queue.name });
    button.setAttribute("aria-pressed", String(queue.arn === chosen));
    button.addEventListener("click", () => choose(queue.arn));
    const counts = [queue.available, queue.inFlight, queue.delayed];
    const name = make("th", { scope: "row" }, button);
    return make("tr", {}, name, ...counts.map((count) => make("td", { textContent: count })));
  }));
}

function choose(arn) {
  chosen = arn;
  history.replaceState(null, "", "#" + encodeURIComponent(arn));
  void refresh();
}

function paintMessages() {
  const messages = view.messages || [];
  const queue = view.queues.find(({ arn }) => arn === chosen);
  at("messages-title").textContent = queue ? "Newest messages of " + queue.name : "Messages";
  at("empty").hidden = messages.length > 0;
  at("empty").textContent = queue
    ? "It is empty."
    : "Choose a queue to look into it. Looking takes nothing.";
  at("messages").replaceChildren(...messages.map(messageItem));
}

function messageItem(message) {
  const { event, dead, movedFrom, data } = message;
  const facts = [
    new Date(message.sentAt).toLocaleTimeString(),
    message.state === "inFlight" ? "in flight" : message.state,
    message.attempts > 0 ? plural(message.attempts, "receive") : "",
    message.group ? "group " + message.group : "",
    event ? "id " + event.id : "id " + message.id,
  ];
  const title = make("h3", {}, event ? event.type : "(no event type)",
    make("small", { textContent: facts.filter(Boolean).join(" · ") }));
  const item = make("li", {}, title);
  const reason = dead
    ? dead.reason + ", in " + dead.queue + " after " + plural(dead.attempts, "try").replace("trys", "tries") +
      (dead.subscriber ? ", by " + dead.subscriber : "")
    : movedFrom ? "received too often from " + movedFrom : "";
  if (reason) item.append(make("p", { className: "reason", textContent: reason }));
  const text = typeof data === "string" ? data : JSON.stringify(data, null, 2);
  item.append(make("pre", { textContent: text, tabIndex: 0 }));
  return item;
}

function paintActions() {
  const queue = view.queues.find(({ arn }) => arn === chosen);
  at("actions").hidden = !queue;
  const sources = queue ? queue.sources : [];
  at("redrive").hidden = sources.length === 0;
  at("to-label").hidden = sources.length < 2;
  at("to").replaceChildren(...sources.map((arn) => make("option", { value: arn, textContent: nameOf(arn) })));
}

function paintDestinations() {
  const before = at("destination").value;
  const group = (label, list) => make("optgroup", { label },
    ...list.map(({ arn, name }) => make("option", { value: arn, textContent: name })));
  at("destination").replaceChildren(group("Topics", view.topics), group("Queues", view.queues));
  if (before) at("destination").value = before;
  paintGroup();
}

function paintGroup() {
  at("group-label").hidden = !at("destination").value.endsWith(".fifo");
}

const NS = "http://www.w3.org/2000/svg";
function shape(tag, attributes, text) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const WIDTH = 190, HEIGHT = 40, GAP = 14, BETWEEN = 110;
function paintMap() {
  const isDead = (queue) => queue.sources.length > 0;
  const others = view.subscriptions.filter(({ protocol }) => protocol !== "sqs");
  const columns = [
    view.topics.map((it) => ({ ...it, kind: "topic" })),
    [
      ...view.queues.filter((it) => !isDead(it)).map((it) => ({ ...it, kind: "queue" })),
      ...others.map((it) => ({ arn: it.endpoint, name: it.endpoint, kind: "address" })),
    ],
    view.queues.filter(isDead).map((it) => ({ ...it, kind: "dead" })),
  ];
  const places = new Map();
  const boxes = [];
  columns.forEach((column, x) => column.forEach((node, y) => {
    const place = { x: 1 + x * (WIDTH + BETWEEN), y: 1 + y * (HEIGHT + GAP) };
    places.set(node.arn, place);
    boxes.push(box(node, place));
  }));
  const lines = [
    ...view.subscriptions.map(({ topic, endpoint, filter, pending }) =>
      line(places.get(topic), places.get(endpoint), pending ? "pending" : filter || "everything")),
    ...view.queues.map(({ arn, deadLetterQueue }) =>
      line(places.get(arn), places.get(deadLetterQueue), "dead letters", "letters")),
  ];
  const rows = Math.max(...columns.map(({ length }) => length), 0);
  const width = 3 * WIDTH + 2 * BETWEEN + 2, height = Math.max(rows * (HEIGHT + GAP) - GAP + 2, 0);
  const map = at("map");
  map.setAttribute("width", width);
  map.setAttribute("height", height);
  map.setAttribute("viewBox", "0 0 " + width + " " + height);
  const told = view.subscriptions.map(({ topic, endpoint }) => nameOf(topic) + " to " + nameOf(endpoint));
  map.setAttribute("aria-label", plural(view.topics.length, "topic") + ", " +
    plural(view.queues.length, "queue") + (told.length ? "; " + told.join(", ") : ""));
  map.replaceChildren(...lines.filter(Boolean), ...boxes);
  at("nothing").hidden = rows > 0;
}

function box({ name, kind, available, inFlight }, { x, y }) {
  const group = shape("g", {});
  const short = name.length > 24 ? name.slice(0, 23) + "…" : name;
  group.append(
    shape("title", {}, name),
    shape("rect", { x, y, width: WIDTH, height: HEIGHT, rx: kind === "topic" ? 20 : 6, class: kind }),
    shape("text", { x: x + 12, y: y + (available === undefined ? 25 : 17) }, short),
  );
  if (available !== undefined) {
    group.append(shape("text", { x: x + 12, y: y + 33, class: "count" },
      available + " available, " + inFlight + " in flight"));
  }
  return group;
}

function line(from, to, title, kind = "") {
  if (!from || !to) return undefined;
  const isBack = to.x <= from.x;
  const x1 = from.x + WIDTH, y1 = from.y + HEIGHT / 2;
  const x2 = isBack ? to.x + WIDTH : to.x, y2 = to.y + HEIGHT / 2;
  const bend = BETWEEN / 2;
  const path = shape("path", {
    d: "M" + x1 + " " + y1 + " C" + (x1 + bend) + " " + y1 + " " +
      (isBack ? x2 + bend : x2 - bend) + " " + y2 + " " + x2 + " " + y2,
    class: kind,
  });
  path.append(shape("title", {}, title));
  return path;
}

function show() {
  const { topics, queues, subscriptions, messages } = view;
  const held = queues.reduce((sum, it) => sum + it.available + it.inFlight + it.delayed, 0);
  at("summary").textContent = [plural(topics.length, "topic"), plural(queues.length, "queue"),
    plural(subscriptions.length, "subscription"), plural(held, "message")].join(", ");
  draw("map", [topics, queues, subscriptions], paintMap);
  draw("queues", [queues, chosen], paintQueues);
  draw("messages", [chosen, messages, queues.map(({ arn }) => arn)], paintMessages);
  draw("actions", [chosen, queues.map(({ arn, sources }) => [arn, sources])], paintActions);
  draw("destinations", [topics, queues.map(({ arn }) => arn)], paintDestinations);
}

let asked = 0;
async function refresh() {
  const number = ++asked;
  try {
    const response = await fetch("/_melange/view?queue=" + encodeURIComponent(chosen));
    const next = await response.json();
    if (number !== asked) return;
    view = next;
    show();
  } catch {
    at("summary").textContent = "The broker does not answer";
  }
}

function tell(text) {
  at("told").textContent = text;
}

async function act(name, asked, done) {
  try {
    const response = await fetch("/_melange/" + name, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(asked),
    });
    const { error } = await response.json();
    tell(error || done);
  } catch {
    tell("The broker does not answer");
  }
  await refresh();
}

at("send").addEventListener("submit", (event) => {
  event.preventDefault();
  const to = at("destination").value;
  const asked = { to, type: at("type").value, data: at("data").value, group: at("group").value };
  void act("send", asked, "Sent to " + nameOf(to));
});
at("destination").addEventListener("change", paintGroup);
at("redrive").addEventListener("click", () =>
  void act("redrive", { queue: chosen, to: at("to").value }, "Redriving " + nameOf(chosen)));
at("purge").addEventListener("click", () => {
  if (!confirm("Delete all messages of " + nameOf(chosen) + "?")) return;
  void act("purge", { queue: chosen }, "Purged " + nameOf(chosen));
});
setInterval(() => document.hidden || void refresh(), 1000);
void refresh();
`;
