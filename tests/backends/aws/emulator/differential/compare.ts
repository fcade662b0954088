/** Runs a sequence against two brokers, and tells where they differ. */
import { filled } from "../corpus/filled.ts";
import type { Step } from "../corpus/row.ts";
import { ask, type Protocol, type Wire, type WireAnswer } from "../wire.ts";
import { type Ids, normal, type NormalAnswer } from "./normal.ts";

/** A broker in a sequence. */
interface Side {
  readonly wire: Wire;
  readonly kept: Record<string, unknown>;
  readonly ids: Ids;
}

/** A difference. */
export interface Difference {
  /** What differs, without names and values: equal differences have equal signatures. */
  readonly signature: string;
  readonly step: Step;
  readonly ours: NormalAnswer;
  readonly theirs: NormalAnswer;
  /** The texts of refusals. */
  readonly texts: readonly (string | undefined)[];
}

/** Makes the calls of a sequence on both sides, up to a difference that leaves different states. */
export async function compare(
  steps: readonly Step[],
  { ours, theirs, protocol }: { ours: Wire; theirs: Wire; protocol: Protocol },
): Promise<Difference[]> {
  const sides = [ours, theirs].map((wire): Side => ({ wire, kept: {}, ids: new Map() }));
  const differences: Difference[] = [];
  for (const step of steps) {
    const answers = await Promise.all(sides.map((side) => put(step, side, protocol)));
    const [own, other] = answers.map((answer, n) => normal(answer, sides[n]!.ids));
    const signature = signatureOf(step, own!, other!);
    if (signature === undefined) continue;
    const texts = answers.map(({ message }) => message);
    differences.push({ signature, step, ours: own!, theirs: other!, texts });
    // After this the two hold different things, and every other difference may be a consequence.
    if (own!.status >= 400 !== other!.status >= 400) break;
    if (/^ReceiveMessage|MessageId|Failed|Successful of/.test(signature)) break;
  }
  return differences;
}

async function put(step: Step, side: Side, protocol: Protocol): Promise<WireAnswer> {
  const { service, action } = step;
  const input = filled(step.input, side.kept) as Step["input"];
  const used = service === "sns" ? "query" : protocol;
  const answer = await ask(side.wire, used, { service, action, input });
  if (step.as !== undefined && answer.status < 400) side.kept[step.as] = answer.output;
  return answer;
}

function signatureOf(step: Step, ours: NormalAnswer, theirs: NormalAnswer): string | undefined {
  const name = step.action;
  const own = outcome(ours);
  const other = outcome(theirs);
  if (own !== other) return `${name}: ${own} here, ${other} there`;
  const paths = [...new Set(differing(ours.output, theirs.output, ""))].sort();
  return paths.length > 0 ? `${name}: ${paths.join(", ")}` : undefined;
}

function outcome({ status, code }: NormalAnswer): string {
  return status < 400
    ? "done"
    : `${status} ${(code ?? "").replace(/^AWS.SimpleQueueService./, "")}`;
}

/** The paths at which two values differ, and how. */
function differing(ours: unknown, theirs: unknown, path: string): string[] {
  if (Array.isArray(ours) && Array.isArray(theirs)) {
    if (ours.length !== theirs.length) return [`${path} of another number`];
    return ours.flatMap((each, n) => differing(each, theirs[n], path));
  }
  if (isObject(ours) && isObject(theirs)) {
    const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
    return names.flatMap((name) =>
      differing(ours[name], theirs[name], path ? `${path}.${name}` : name)
    );
  }
  if (ours === theirs) return [];
  if (theirs === undefined) return [`${path} only here`];
  return ours === undefined ? [`${path} only there`] : [`${path} differs`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
