/**
 * Loaded before a program: loses the first request of the action named by DROP, and answers it as
 * if it had been done. What a broker that lies would do.
 */
const action = Deno.env.get("DROP");
const send = globalThis.fetch;
let dropped = false;

globalThis.fetch = async (input, init) => {
  const body = String(init?.body ?? "");
  const target = new Headers(init?.headers).get("x-amz-target") ?? "";
  const named = target.endsWith(`.${action}`) || body.includes(`Action=${action}`);
  if (dropped || !named) return await send(input, init);
  dropped = true;
  return target === "" ? published(body) : deleted(body);
};

function deleted(body: string): Response {
  const { Entries } = JSON.parse(body) as { Entries: { Id: string }[] };
  return Response.json({ Successful: Entries.map(({ Id }) => ({ Id })) });
}

function published(body: string): Response {
  const ids = [...new URLSearchParams(body)].filter(([name]) => /member\.\d+\.Id$/.test(name));
  const members = ids.map(([, id]) =>
    `<member><Id>${id}</Id><MessageId>${crypto.randomUUID()}</MessageId></member>`
  );
  const result = `<Successful>${members.join("")}</Successful><Failed/>`;
  return new Response(
    `<PublishBatchResponse><PublishBatchResult>${result}</PublishBatchResult></PublishBatchResponse>`,
  );
}
