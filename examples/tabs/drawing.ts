/// <reference lib="dom" />

/** Where an order is. */
export type OrderState = "waiting" | "working" | "done";

interface Move {
  readonly state: OrderState;
  readonly tab?: string;
}

/** How many orders are shown. */
const ORDERS = 150;
const ORDER_STATES: readonly OrderState[] = ["waiting", "working", "done"];

/** Shows what is known of orders and tabs. */
export const draw = {
  /** Names this tab. */
  me(tab: string): void {
    document.title = `Tab ${tab}`;
    const element = byId("me");
    element.textContent = `tab ${tab}`;
    element.style.setProperty("--tab", colourOf(tab));
  },

  /** Shows an order; what is older than what is shown changes nothing. */
  order(order: string, { state, tab }: Move): void {
    const list = byId("orders");
    const element = document.getElementById(`order-${order}`) ?? newElement(list, "span");
    element.id = `order-${order}`;
    element.textContent = order.split("-")[0] ?? "";
    if (rank(state) < rank(element.className)) return;
    element.className = state;
    if (tab !== undefined) element.style.setProperty("--tab", colourOf(tab));
    while (list.children.length > ORDERS) list.firstChild?.remove();
  },

  /** Shows how much a tab has done. */
  tab(tab: string, done: number): void {
    const known = document.getElementById(`tab-${tab}`);
    const element = known ?? newElement(byId("tabs"), "li");
    element.id = `tab-${tab}`;
    if (!known) { for (let i = 0; i < 3; i++) newElement(element, "span"); }
    const [name, bar, count] = Array.from(element.children) as [Node, HTMLElement, Node];
    name.textContent = `tab ${tab}`;
    bar.className = "bar";
    bar.style.setProperty("--tab", colourOf(tab));
    bar.style.width = `${Math.min(100, done * 2)}%`;
    count.textContent = String(done);
  },
};

/** Shows the sums, which are the sizes of queues. */
export function drawCounts(
  { role, ...counts }: { role: string } & Record<string, number | string>,
) {
  byId("role").textContent = role === "leader"
    ? "leads"
    : role === "follower"
    ? "follows"
    : "joins";
  for (const [id, count] of Object.entries(counts)) byId(id).textContent = String(count);
}

function rank(state: string): number {
  return ORDER_STATES.indexOf(state as OrderState);
}

function newElement(parent: HTMLElement, tag: string): HTMLElement {
  return parent.appendChild(document.createElement(tag));
}

function byId(id: string): HTMLElement {
  return document.getElementById(id) as HTMLElement;
}

/** Each tab has the same colour in all tabs. */
function colourOf(tab: string): string {
  const number = parseInt(tab, 16);
  return `hsl(${(number * 47) % 360} ${50 + number % 30}% ${36 + number % 23}%)`;
}
