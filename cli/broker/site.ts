/** The page of the broker, its data and its actions, as answers to requests. */
import { addressOf } from "../../backends/aws/emulator/http/incoming.ts";
import type { AwsEmulator, EmulatorAnswer, Incoming } from "../../backends/aws/emulator/mod.ts";
import { MelangeError } from "../../src/support/errors.ts";
import { ActionError, ACTIONS, type Asked } from "./actions.ts";
import { PAGE, PAGE_POLICY } from "./page.ts";
import { viewer } from "./view.ts";

/** The paths of the page; those of queues begin with digits. */
const PREFIX = "/_melange/";

/** Creates a function that answers requests for the page, and others with `undefined`. */
export function createSite(
  aws: AwsEmulator,
  url: string,
): (request: Incoming, body: string) => Promise<EmulatorAnswer> | undefined {
  const view = viewer(aws);

  async function answer(request: Incoming, body: string): Promise<EmulatorAnswer> {
    const { pathname, searchParams } = addressOf(request.url);
    const { method } = request;
    if (pathname === "/") return page();
    const name = pathname.slice(PREFIX.length);
    if (name === "view" && method === "GET") {
      return json(view(searchParams.get("queue") ?? undefined));
    }
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (!action || method !== "POST") return json({ error: "There is no such page" }, 404);
    try {
      await action(askedOf(request, body), { aws, url, view });
      return json({ ok: true });
    } catch (error) {
      return json({ error: said(error) }, 400);
    }
  }

  return (request, body) => {
    const { pathname, search } = addressOf(request.url);
    const isPage = pathname === "/" && request.method === "GET" && search === "";
    return isPage || pathname.startsWith(PREFIX) ? answer(request, body) : undefined;
  };
}

function page(): EmulatorAnswer {
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": PAGE_POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  };
  return { status: 200, headers, body: PAGE };
}

function json(value: unknown, status = 200): EmulatorAnswer {
  const headers = {
    "content-type": "application/json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body: JSON.stringify(value) };
}

function askedOf({ headers }: Incoming, body: string): Asked {
  if (headers.get("content-type") !== "application/json") {
    throw new ActionError("The request must be JSON");
  }
  const value = parsed(body);
  const isText = (it: unknown) => typeof it === "string";
  if (typeof value === "object" && value !== null && Object.values(value).every(isText)) {
    return value as Asked;
  }
  throw new ActionError("The request must be an object of texts");
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function said(error: unknown): string {
  if (error instanceof ActionError || error instanceof MelangeError) return error.message;
  return "It failed";
}
