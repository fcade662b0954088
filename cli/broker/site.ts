/** The page of the broker, its data and its actions, as answers to requests. */
import type { AwsEmulator } from "../../backends/aws/emulator/mod.ts";
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
): (request: Request) => Promise<Response | undefined> {
  const view = viewer(aws);
  return async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const { method } = request;
    if (pathname === "/" && method === "GET" && searchParams.size === 0) return page();
    if (!pathname.startsWith(PREFIX)) return undefined;
    const name = pathname.slice(PREFIX.length);
    if (name === "view" && method === "GET") {
      return json(view(searchParams.get("queue") ?? undefined));
    }
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (!action || method !== "POST") return json({ error: "There is no such page" }, 404);
    try {
      await action(await askedOf(request), { aws, url, view });
      return json({ ok: true });
    } catch (error) {
      return json({ error: said(error) }, 400);
    }
  };
}

function page(): Response {
  return new Response(PAGE, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": PAGE_POLICY,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  });
}

function json(value: unknown, status = 200): Response {
  return Response.json(value, {
    status,
    headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" },
  });
}

async function askedOf(request: Request): Promise<Asked> {
  if (request.headers.get("content-type") !== "application/json") {
    throw new ActionError("The request must be JSON");
  }
  const value: unknown = await request.json().catch(() => undefined);
  const isText = (it: unknown) => typeof it === "string";
  if (typeof value === "object" && value !== null && Object.values(value).every(isText)) {
    return value as Asked;
  }
  throw new ActionError("The request must be an object of texts");
}

function said(error: unknown): string {
  if (error instanceof ActionError || error instanceof MelangeError) return error.message;
  return "It failed";
}
