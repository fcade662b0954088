import { type Attributes, typedAttribute } from "../../src/wire/message.ts";

/** Attributes as SNS delivers them; none of them may be binary. */
export function snsAttributes(attributes: Attributes): Record<string, unknown> {
  const entries = Object.entries(attributes).map(([name, value]) => {
    const { type: Type, value: Value } = typedAttribute(value);
    return [name, { Type, Value }];
  });
  return Object.fromEntries(entries);
}
