/** The one queue of the stub: messages in order, handed out once, and the receives that wait. */
import { type Attribute, attributesMd5, md5 } from "./digests.ts";

/** A message as a sender wrote it. */
export interface Sent {
  readonly body: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A message in the queue: the JSON that all copies of it share, and when it came. */
interface Stored {
  readonly json: string;
  readonly sentAt: number;
}

interface Waiter {
  readonly max: number;
  serve(): void;
}

/** The queue. */
export interface StubQueue {
  /** Stores a message. */
  add(sent: Sent): void;
  /** Stores a message again and again, as if each had been sent now. */
  fill(sent: Sent, count: number): void;
  /** Resolves to the answer of a receive: at once if there are messages, else when its wait is over. */
  receive(max: number, waitMs: number): Promise<{ readonly count: number; readonly json: string }>;
  /** Answers all that wait, and every receive from now on, at once, without messages. */
  end(): void;
}

/** Creates an empty queue. */
export function createStubQueue(): StubQueue {
  const rendered = new WeakMap<Sent, string>();
  let stored: Stored[] = [];
  let first = 0;
  let nextId = 0;
  let ended = false;
  const waiters = new Set<Waiter>();

  function take(max: number): { count: number; json: string } {
    const messages = ended ? [] : stored.slice(first, first + max);
    first += messages.length;
    if (first > 10_000) [stored, first] = [stored.slice(first), 0];
    const list = messages.map(({ json, sentAt }) => messageJson(++nextId, sentAt, json));
    return {
      count: list.length,
      json: list.length > 0 ? `{"Messages":[${list.join(",")}]}` : "{}",
    };
  }

  function store(sent: Sent): void {
    const json = rendered.get(sent) ?? render(sent);
    rendered.set(sent, json);
    stored.push({ json, sentAt: Date.now() });
    const [waiter] = waiters;
    waiter?.serve();
  }

  return {
    add: store,
    fill(sent, count) {
      for (let added = 0; added < count; added++) store(sent);
    },
    receive(max, waitMs) {
      if (ended || first < stored.length || waitMs <= 0) return Promise.resolve(take(max));
      return new Promise((resolve) => {
        const serve = () => {
          waiters.delete(waiter);
          clearTimeout(timer);
          resolve(take(max));
        };
        const waiter: Waiter = { max, serve };
        const timer = setTimeout(serve, waitMs);
        waiters.add(waiter);
      });
    },
    end() {
      ended = true;
      for (const waiter of [...waiters]) waiter.serve();
    },
  };
}

/** The part of a message that does not tell one copy from another. */
function render({ body, attributes }: Sent): string {
  const hasAttributes = Object.keys(attributes).length > 0;
  const fields = {
    MD5OfBody: md5(body),
    Body: body,
    ...(hasAttributes
      ? { MD5OfMessageAttributes: attributesMd5(attributes), MessageAttributes: attributes }
      : {}),
  };
  return JSON.stringify(fields).slice(1);
}

function messageJson(id: number, sentAt: number, rest: string): string {
  const facts =
    `{"SentTimestamp":"${sentAt}","ApproximateReceiveCount":"1","ApproximateFirstReceiveTimestamp":"${sentAt}"}`;
  return `{"MessageId":"m-${id}","ReceiptHandle":"r-${id}","Attributes":${facts},${rest}`;
}
