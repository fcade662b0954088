import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { XMLParser, XMLValidator } from "npm:fast-xml-parser@^5";
import { seededRandom } from "../../../../backends/memory/testing.ts";
import { parseXml, type XmlElement } from "../../../../backends/aws/api/xml.ts";

const RUNS = 2_000;
const NAMES = ["member", "Id", "Code", "a", "b-c", "d.e", "__x"];
const TEXTS = [
  "x",
  "é🙂",
  "&amp;",
  "&lt;b&gt;",
  "&#65;",
  "&#x42;",
  " ",
  "\n",
  "&quot;&apos;",
  "1.0",
];
const EDITS = [
  "<",
  ">",
  "/",
  "&",
  ";",
  '"',
  "'",
  "=",
  "<a>",
  "</a>",
  "<!--",
  "]]>",
  "&#",
  " ",
  "x",
];

const oracle = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  preserveOrder: true,
  htmlEntities: true,
});

/** As nested arrays: the name, then texts and elements in their order, neighbouring texts joined. */
type Shape = [name: string, text: string, ...children: Shape[]];

function ours(element: XmlElement): Shape {
  return [element.name, element.text, ...element.children.map(ours)];
}

// deno-lint-ignore no-explicit-any
function theirs(node: any): Shape {
  const name = Object.keys(node).find((key) => key !== ":@")!;
  // deno-lint-ignore no-explicit-any
  const children: any[] = node[name];
  const text = children.filter((child) => "#text" in child).map((child) => child["#text"]).join("");
  return [name, text, ...children.filter((child) => !("#text" in child)).map(theirs)];
}

function generator(random: () => number) {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const element = (depth: number): string => {
    const name = pick(NAMES);
    const attribute = random() < 0.2 ? ` x="${pick(["1", "a > b", "&amp;"])}"` : "";
    if (random() < 0.1) return `<${name}${attribute}/>`;
    const parts = Array.from(
      { length: Math.floor(random() * 4) },
      () => depth > 4 || random() < 0.5 ? pick(TEXTS) : element(depth + 1),
    );
    return `<${name}${attribute}>${parts.join("")}</${name}>`;
  };
  return { pick, element };
}

describe("parseXml() and fast-xml-parser", () => {
  it(`read ${RUNS} documents alike`, () => {
    const { element } = generator(seededRandom(1));
    for (let run = 0; run < RUNS; run++) {
      const text = element(0);
      const [root] = oracle.parse(text);
      assertEquals(ours(parseXml(text)), theirs(root), text);
    }
  });

  it(`agree on what they both accept of ${RUNS} damaged documents`, () => {
    const random = seededRandom(2);
    const { element, pick } = generator(random);
    let accepted = 0;
    for (let run = 0; run < RUNS; run++) {
      const whole = element(0);
      const at = Math.floor(random() * whole.length);
      const text = whole.slice(0, at) + pick(EDITS) + whole.slice(at + Math.floor(random() * 3));
      const read = attempt(text);
      if (!read) continue;
      accepted++;
      assert(XMLValidator.validate(text) === true, `accepted alone: ${text}`);
      assertEquals(ours(read), theirs(oracle.parse(text)[0]), text);
    }
    assert(accepted > 50 && accepted < RUNS / 2, `${accepted} accepted`);
  });
});

/** Whatever it refuses, it refuses with `SyntaxError`. */
function attempt(text: string): XmlElement | undefined {
  try {
    return parseXml(text);
  } catch (error) {
    assert(error instanceof SyntaxError, String(error));
    return undefined;
  }
}
