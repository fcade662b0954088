/** What really happened on the wire, for the judge: the proxy writes it, no program is asked. */
import { doneOf, eventId, type Input, type Message, type Output } from "./wire.ts";

/** What the proxy saw. `client` is the name that the client's port was opened under. */
export type WireFact =
  /** When, in milliseconds since the epoch. */
  | { kind: "request"; client: string; action: string; entries: number; at: number }
  /** The request was held on its way until its signature was too old. */
  | { kind: "expired"; client: string; action: string }
  | { kind: "stored"; client: string; id: string }
  | { kind: "delivered"; client: string; id: string; receipt: string; ghost: boolean }
  | { kind: "deleted"; client: string; id: string };

/** One exchange with the broker. */
export interface Exchange {
  client: string;
  action: string;
  input: Input;
  output: Output;
}

/** The books of a proxy. */
export interface Ledger {
  /** Everything that happened, in order. */
  readonly facts: WireFact[];
  /** Messages that were deleted, some of them: what ghosts are made of. */
  readonly deleted: readonly Message[];
  /** Takes note of what the broker did. */
  noteDone(exchange: Exchange): void;
  /** Takes note of what a client was given. */
  noteDelivered(exchange: Exchange): void;
  /** The events that a client has got, whose locks last and which nobody has settled. */
  unsettled(client: string): string[];
}

/** Who has an event. */
interface Holder {
  readonly client: string;
  readonly receipt: string;
  /** How long its receive locked it. */
  readonly seconds: number;
  until: number;
}

/** So many messages are kept to come back as ghosts. */
const MAX_DELETED = 1_000;

/** Opens empty books. */
export function openLedger(): Ledger {
  const facts: WireFact[] = [];
  const deleted: Message[] = [];
  const byReceipt = new Map<string, Message>();
  /** Who has got an event last, by which receipt, for how long, and until when it is locked. */
  const holders = new Map<string, Holder>();

  function noteDeleted(client: string, receipt: string): void {
    const message = byReceipt.get(receipt);
    if (!message) return;
    const id = eventId(message.Body);
    byReceipt.delete(receipt);
    if (holders.get(id)?.receipt === receipt) holders.delete(id);
    if (deleted.length < MAX_DELETED) deleted.push(message);
    facts.push({ kind: "deleted", client, id });
  }

  /** A lock that is made longer starts anew; one that is made shorter is given back. */
  function noteVisibility(receipt: string, seconds: number): void {
    const message = byReceipt.get(receipt);
    if (!message) return;
    const id = eventId(message.Body);
    const holder = holders.get(id);
    if (holder?.receipt !== receipt) return;
    if (seconds < holder.seconds) holders.delete(id);
    else holder.until = Date.now() + seconds * 1_000;
  }

  return {
    facts,
    deleted,
    noteDone({ client, action, input, output }) {
      if (action === "ReceiveMessage") {
        for (const message of output.Messages ?? []) {
          byReceipt.set(message.ReceiptHandle, message);
        }
        return;
      }
      for (const { MessageBody, ReceiptHandle, VisibilityTimeout } of doneOf(input, output)) {
        if (action.startsWith("SendMessage") && MessageBody !== undefined) {
          facts.push({ kind: "stored", client, id: eventId(MessageBody) });
        } else if (action.startsWith("DeleteMessage") && ReceiptHandle !== undefined) {
          noteDeleted(client, ReceiptHandle);
        } else if (action.startsWith("ChangeMessageVisibility") && ReceiptHandle !== undefined) {
          noteVisibility(ReceiptHandle, VisibilityTimeout ?? 0);
        }
      }
    },
    noteDelivered({ client, action, input, output }) {
      if (action !== "ReceiveMessage") return;
      const seconds = input.VisibilityTimeout ?? 0;
      const until = Date.now() + seconds * 1_000;
      for (const message of output.Messages ?? []) {
        const ghost = deleted.includes(message);
        const id = eventId(message.Body);
        const { ReceiptHandle: receipt } = message;
        facts.push({ kind: "delivered", client, id, receipt, ghost });
        if (!ghost) holders.set(id, { client, receipt, seconds, until });
      }
    },
    unsettled(name) {
      const now = Date.now();
      return [...holders].flatMap(([id, { client, until }]) =>
        client === name && until > now ? [id] : []
      );
    },
  };
}
