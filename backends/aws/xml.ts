/** An element: its name without prefix, the elements within, and its own text. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

/** One piece of a document. Its alternatives exclude each other, so it takes linear time. */
const PIECE =
  /<\?[^<>]*\?>|<\/([A-Za-z_][\w:.-]*)\s*>|<([A-Za-z_][\w:.-]*)(?:\s+[A-Za-z_][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)>|([^<]+)/y;

/** Deeper than any answer of AWS. */
const MAX_DEPTH = 32;

/**
 * Reads the XML that AWS answers with, and no more: attributes are skipped; whatever begins with
 * `<!` (DOCTYPE, ENTITY, comments, CDATA) and entities beyond the five are refused.
 *
 * @throws `SyntaxError` for everything that is not one well-formed document.
 */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: "", children: [], text: "" };
  const path = [root];
  PIECE.lastIndex = 0;
  while (PIECE.lastIndex < text.length) {
    const at = PIECE.lastIndex;
    const [, end, start, empty, chars] = PIECE.exec(text) ?? unreadable(at);
    const parent = path.at(-1) ?? unreadable(at);
    if (start) {
      const element = { name: localName(start), children: [], text: "" };
      parent.children.push(element);
      if (!empty && path.push(element) > MAX_DEPTH) unreadable(at);
    } else if (end) {
      if (localName(end) !== parent.name || path.length === 1) unreadable(at);
      path.pop();
    } else {
      parent.text += decoded(chars ?? "");
    }
  }
  const [document] = root.children;
  if (path.length > 1 || root.children.length > 1 || root.text.trim()) unreadable(text.length);
  return document ?? unreadable(text.length);
}

function unreadable(at: number): never {
  PIECE.lastIndex = 0;
  throw new SyntaxError(`Cannot read the XML as it is not well-formed at character ${at}`);
}

function localName(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(lt|gt|amp|quot|apos));|&/gi, (
    _,
    decimal?: string,
    hexadecimal?: string,
    name?: string,
  ) => {
    if (name) return ENTITIES[name] ?? unreadable(0);
    const code = decimal ? Number(decimal) : parseInt(hexadecimal ?? "", 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : unreadable(0);
  });
}

/** The first element with this name, at any depth, in document order. */
export function find(element: XmlElement, name: string): XmlElement | undefined {
  if (element.name === name) return element;
  for (const child of element.children) {
    const found = find(child, name);
    if (found) return found;
  }
  return undefined;
}

/** The text of the first element with this name within another; throws `SyntaxError` if there is none. */
export function textOf(element: XmlElement, name: string): string {
  const found = find(element, name);
  if (!found) throw new SyntaxError(`Cannot read the XML as it has no ${name}`);
  return found.text;
}
