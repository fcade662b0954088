/** Changes of event types that messages or readers of the time before do not survive. */
import { type Break, breaksBetween } from "./compare.ts";
import type { CurrentEvent, Lock, LockedEvent } from "./lock.ts";

/**
 * The compatibility that is asked for. `backward`: the new code reads old messages. `forward`: the
 * old code reads new messages. `full`: both.
 */
export type Mode = "backward" | "forward" | "full";

/** All modes. */
export const MODES: readonly Mode[] = ["backward", "forward", "full"];

/** A break of an event type. */
export interface EventBreak extends Break {
  readonly event: string;
  /** The version whose messages, or whose readers, are concerned. */
  readonly version: number;
  readonly mode: Exclude<Mode, "full">;
}

/** Lists the breaks between a lock file and the present event types. */
export function check(events: readonly CurrentEvent[], lock: Lock, mode: Mode): EventBreak[] {
  return Object.entries(lock).flatMap(([event, locked]) => {
    const current = events.find(({ type }) => type === event);
    const backward = mode === "forward" ? [] : backwardBreaks(current, locked);
    const forward = mode === "backward" || !current ? [] : forwardBreaks(current, locked);
    return [
      ...backward.map((each) => ({ event, mode: "backward" as const, ...each })),
      ...forward.map((each) => ({ event, mode: "forward" as const, ...each })),
    ];
  });
}

type VersionBreak = Break & { readonly version: number };

const WHOLE = "(the whole)";

function backwardBreaks(current: CurrentEvent | undefined, locked: LockedEvent): VersionBreak[] {
  return Object.entries(locked.schemas).flatMap(([name, schema]) => {
    const version = Number(name);
    const whole = (rule: string) => [{ path: WHOLE, rule, version }];
    if (!current) return whole("no event type of this name is left");
    const { version: newest, upcast } = current;
    if (newest !== undefined && version > newest) {
      return whole(`messages of version ${version} are refused, as the newest is ${newest}`);
    }
    if (upcast && version < (newest ?? 1)) {
      return upcast[version] ? [] : whole(`no upcast leads on from version ${version}`);
    }
    return breaksBetween(current.schema, schema).map((each) => ({ ...each, version }));
  });
}

function forwardBreaks(current: CurrentEvent, locked: LockedEvent): VersionBreak[] {
  const old = locked.version;
  const version = old ?? 1;
  const { version: newest } = current;
  if (old !== undefined && newest !== undefined && newest > old) {
    const rule = `messages of version ${newest} are refused by code of version ${old}`;
    return [{ path: WHOLE, rule, version }];
  }
  const schema = locked.schemas[version];
  if (schema === undefined) return [];
  return breaksBetween(schema, current.schema).map((each) => ({ ...each, version }));
}
