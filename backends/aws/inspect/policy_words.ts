/**
 * The policy of a queue in words.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
 */
import { isRecord, tryParse } from "../../../src/wire/json.ts";

/** Returns a sentence for each statement of a policy. */
export function policyInWords(policy: string | undefined): string[] {
  if (!policy) return ["none: only its own account may use it, as far as its roles allow"];
  const statements = statementsOf(policy);
  return statements?.map(sentence) ?? ["it cannot be read"];
}

/** Returns the ARNs of the topics that a policy names. */
export function topicsIn(policy: string | undefined): string[] {
  const sources = (statementsOf(policy) ?? []).flatMap(({ Condition }) =>
    conditionsOf(Condition).flatMap(({ key, values }) =>
      key.toLowerCase() === "aws:sourcearn" ? values : []
    )
  );
  return [...new Set(sources)].filter((arn) => /^arn:[\w-]+:sns:[^*?]+$/.test(arn));
}

type Statement = Readonly<Record<string, unknown>>;

function statementsOf(policy: string | undefined): Statement[] | undefined {
  const parsed = policy ? tryParse(policy)?.value : undefined;
  return isRecord(parsed) ? list(parsed.Statement).filter(isRecord) : undefined;
}

function sentence({ Effect, Principal, Action, NotAction, Condition }: Statement): string {
  const may = Effect === "Allow" ? "may" : "may not";
  const actions = NotAction === undefined
    ? texts(Action).map((action) => action.replace(/^sqs:/i, "")).join(", ")
    : `do all but ${texts(NotAction).join(", ")}`;
  const conditions = conditionsOf(Condition);
  const when = conditions.map(({ operator, key, values }) =>
    `${key} ${operator} ${values.join(" or ")}`
  );
  const who = principalOf(Principal);
  const open = who === "anybody" && may === "may" && when.length === 0;
  return [
    `${who} ${may} ${actions}`,
    ...when.length > 0 ? [` if ${when.join(", and ")}`] : [],
    ...open ? [": nothing else is asked of them"] : [],
  ].join("");
}

function principalOf(principal: unknown): string {
  if (principal === "*") return "anybody";
  if (!isRecord(principal)) return "somebody";
  const names = Object.values(principal).flatMap(texts);
  return names.includes("*") ? "anybody" : names.join(", ");
}

function conditionsOf(condition: unknown) {
  return Object.entries(isRecord(condition) ? condition : {}).flatMap(([operator, keys]) =>
    Object.entries(isRecord(keys) ? keys : {}).map(([key, value]) => ({
      operator,
      key,
      values: texts(value),
    }))
  );
}

function texts(value: unknown): string[] {
  return list(value).map(String);
}

function list(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
