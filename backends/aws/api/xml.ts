/** An element: the name, the elements within, and the text. */
export interface XmlElement {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

/** One piece of a document. The alternatives exclude each other, so a match takes linear time. */
const PIECE =
  /<\?[^<>]*\?>|<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|&(?:#(?!x?0+;)(\d{1,6}|x[\da-fA-F]{1,5})|(lt|gt|amp|quot|apos));|([^<&]+)/gy;

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** The deepest nesting: deeper than any answer of AWS. */
const MAX_DEPTH = 32;

/**
 * Reads the XML of AWS, and no more. Skips attributes. Refuses pieces that begin with `<!`
 * (DOCTYPE, ENTITY, comments, CDATA) and entities beyond the five.
 *
 * @throws `SyntaxError` for every text that is not one well-formed document.
 */
export function parseXml(text: string): XmlElement {
  const root: XmlElement = { name: "", children: [], text: "" };
  const path = [root];
  // Piece by piece from the beginning, each is replaced by nothing if it has its place there.
  const rest = text.replace(
    PIECE,
    (piece, end, name, attributes, empty, code, entity, characters) => {
      const inner = path.at(-1)!;
      if (end) return inner.name === name && !attributes && !empty && path.pop() ? "" : piece;
      if (code) inner.text += String.fromCodePoint(Number(`0${code}`));
      else if (!name) inner.text += characters ?? ENTITIES[entity] ?? "";
      else {
        const element = { name, children: [], text: "" };
        inner.children.push(element);
        if (!empty) path.push(element);
      }
      return path.length > MAX_DEPTH ? piece : "";
    },
  );
  const [document, another] = root.children;
  if (document && !another && !rest && path.length === 1 && !root.text.trim()) return document;
  return unreadable();
}

/** Throws the error of an answer that is not known. */
export function unreadable(): never {
  // Without words: the client says that the answer made no sense.
  throw new SyntaxError();
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
  return (find(element, name) ?? unreadable()).text;
}
