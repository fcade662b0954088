/** A gate in front of an emulator that asks a policy, as IAM would, and notes what was used. */
import type { PolicyDocument } from "../../../../src/operate/topology/mod.ts";

export interface Gate {
  readonly fetch: typeof fetch;
  /** Calls that the policy did not allow: `action on resource`. */
  readonly refused: string[];
  /** Actions of the policy that nothing used. */
  unused(): string[];
}

/** Puts a gate in front of an emulator. */
export function guard(
  fetch: typeof globalThis.fetch,
  policy: PolicyDocument,
  { accountId, region }: { accountId: string; region: string },
): Gate {
  const used = new Set<string>();
  const refused: string[] = [];
  return {
    refused,
    unused: () => policy.Statement.flatMap(({ Action }) => Action).filter((it) => !used.has(it)),
    async fetch(input, init) {
      const request = new Request(input, init);
      const { service, action, resource } = await callOf(request, { accountId, region });
      const allowed = `${service}:${action}` === "sts:GetCallerIdentity" ||
        policy.Statement.some(({ Action, Resource }) =>
          actionsOf(service, action).some((it) => Action.includes(it)) &&
          Resource.some((arn) => resource === arn || resource.startsWith(`${arn}:`))
        );
      for (const it of actionsOf(service, action)) used.add(it);
      if (allowed) return await fetch(input, init);
      refused.push(`${service}:${action} on ${resource}`);
      return denied(service);
    },
  };
}

/** A batch needs the permission of the single call. */
function actionsOf(service: string, action: string): string[] {
  return [`${service}:${action.replace(/Batch$/, "")}`];
}

async function callOf(
  request: Request,
  { accountId, region }: { accountId: string; region: string },
): Promise<{ service: string; action: string; resource: string }> {
  const text = await request.clone().text();
  const target = request.headers.get("x-amz-target");
  const arn = (service: string, name: string) =>
    `arn:aws:${service}:${region}:${accountId}:${name}`;
  if (target) {
    const { QueueUrl = "", QueueName = "" } = JSON.parse(text);
    const name = QueueName || QueueUrl.split("/").at(-1);
    return { service: "sqs", action: target.split(".")[1] ?? "", resource: arn("sqs", name) };
  }
  const form = new URLSearchParams(text);
  const action = form.get("Action") ?? "";
  const given = form.get("TopicArn") ?? form.get("SubscriptionArn") ??
    arn("sns", form.get("Name") ?? "");
  return { service: action === "GetCallerIdentity" ? "sts" : "sns", action, resource: given };
}

function denied(service: string): Response {
  if (service === "sqs") {
    const body = JSON.stringify({
      __type: "com.amazonaws.sqs#AccessDeniedException",
      message: "no",
    });
    return new Response(body, { status: 403 });
  }
  const error =
    "<Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error>";
  return new Response(`<ErrorResponse>${error}</ErrorResponse>`, { status: 403 });
}
