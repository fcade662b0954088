/** Data of older versions, brought up to date. */
import type { AnyEventType } from "../event/event.ts";
import { undecodable } from "../wire/cloud_event.ts";
import type { LazyEvent } from "../wire/format.ts";
import { ask } from "./foreign.ts";

/**
 * Returns data in the shape of an event type's version, step by step from the version of the
 * message, and the version where there are steps. A message of ours without a version is of version
 * 1; a message of others has the newest.
 * @throws {MelangeError} `UNDECODABLE`, without a cause, if the version is unknown or a step fails
 */
export function upToDate(
  { type, version: newest, upcast }: AnyEventType,
  { facts, isForeign }: LazyEvent,
  data: unknown,
): { data: unknown; version?: number } {
  if (newest === undefined) return { data };
  const version = isForeign ? newest : facts.version ?? (upcast ? 1 : newest);
  if (!(version <= newest)) {
    throw undecodable(
      `its version ${version} of "${type}" is newer than ${newest}, the newest known`,
    );
  }
  if (!upcast) return { data };
  for (let from = version; from < newest; from++) {
    const step = upcast[from];
    if (!step) throw undecodable(`no upcast of "${type}" leads on from version ${from}`);
    const older = data;
    data = ask(() => step(older), `the upcast of "${type}" from version ${from}`);
  }
  return { data, version: newest };
}
