/**
 * A custom runtime: asks for the next invocation, runs the function, tells the outcome, for ever.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
import { handler } from "./function.ts";

const { process } = globalThis as unknown as { process: { env: Record<string, string> } };
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

// deno-lint-ignore melange/bounded-waits -- it serves until it is ended
while (true) {
  const next = await fetch(`${api}/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  const deadline = Number(next.headers.get("lambda-runtime-deadline-ms"));
  const event = await next.json();
  let path: string;
  let answer: unknown;
  try {
    answer = await handler(event, { getRemainingTimeInMillis: () => deadline - Date.now() });
    path = "response";
  } catch (error) {
    const { name: errorType, message: errorMessage } = error as Error;
    answer = { errorType, errorMessage };
    path = "error";
  }
  const body = JSON.stringify(answer ?? null);
  await (await fetch(`${api}/${id}/${path}`, { method: "POST", body })).body?.cancel();
}
