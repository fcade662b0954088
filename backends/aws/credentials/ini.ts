/** The settings of a section, by their names in lower case. */
export type Section = ReadonlyMap<string, string>;

/**
 * Reads the format of the shared files. What is no setting is skipped; sections with the same name
 * are one. Settings within a setting are skipped as well, or with `nested` called `setting.inner`.
 * Takes linear time, and never throws.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function parseIni(
  text: string,
  { nested = false }: { nested?: boolean } = {},
): Map<string, Section> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let nesting = "";
  for (const line of text.split("\n")) {
    const content = line.replace(/(^|\s)[#;].*/, "").trim();
    // Neither ends a setting with others in it.
    if (!content) continue;
    const title = /^\[([^\]]*)\]$/.exec(content)?.[1]?.trim();
    if (title !== undefined) {
      section = sections.get(title) ?? new Map();
      sections.set(title, section);
      nesting = "";
      continue;
    }
    const [name, value] = settingIn(content);
    if (!nesting || !/^\s/.test(line)) {
      nesting = value === "" ? name : "";
      if (name && value) section?.set(name, value);
    } else if (nested && name && value) section?.set(`${nesting}.${name}`, value);
  }
  return sections;
}

function settingIn(content: string): [name: string, value: string] {
  const at = content.indexOf("=");
  if (at < 0) return ["", ""];
  return [content.slice(0, at).trim().toLowerCase(), content.slice(at + 1).trim()];
}
