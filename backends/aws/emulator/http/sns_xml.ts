/**
 * The answers of SNS and STS in the Query protocol.
 * https://docs.aws.amazon.com/sns/latest/api/welcome.html
 */
import { isRecord } from "../input.ts";
import type { Input } from "../operation.ts";
import { element, textElement } from "./xml.ts";

/** The members of an answer of SNS as XML: lists have members, maps have entries. */
export function snsXml(output: Input): string {
  return Object.entries(output).map(([name, value]) => member(name, value)).join("");
}

function member(name: string, value: unknown): string {
  if (Array.isArray(value)) {
    const members = value.map((each) =>
      isRecord(each) ? element("member", snsXml(each)) : textElement("member", each)
    );
    return element(name, members.join(""));
  }
  if (!isRecord(value)) return textElement(name, value);
  const entries = Object.entries(value).map(([key, inner]) =>
    element("entry", textElement("key", key) + textElement("value", inner))
  );
  return element(name, entries.join(""));
}
