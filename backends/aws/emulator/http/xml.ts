/** Writes the XML of the Query protocol. */

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#xD;",
};

/** A text as it stands in XML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"\r]/g, (character) => ESCAPES[character]!);
}

/** Writes an element around its content. */
export function element(name: string, inner: string): string {
  return `<${name}>${inner}</${name}>`;
}

/** An element with a text. */
export function textElement(name: string, text: unknown): string {
  return element(name, escaped(String(text)));
}
