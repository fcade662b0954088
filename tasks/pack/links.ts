/** Makes the links of a Markdown file lead to the repository, from wherever it is read. Pure. */

/** Where the files of a repository are shown. */
export interface LinkOptions {
  /** The address of the repository. */
  readonly repository: string;
  /** The tag, branch or commit. */
  readonly revision: string;
}

/** A link or an image, up to its target. Those with a scheme, or to the same page, are not meant. */
const RELATIVE = /(!?)(\[[^\]]*\]\()(?![a-z][a-z+.-]*:|#|\/)(?:\.\/)?([^)\s]+)/g;

/** Rewrites the links to other files of the repository; images are linked as raw files. */
export function absoluteLinks(markdown: string, { repository, revision }: LinkOptions): string {
  const link = (_: string, image: string, text: string, target: string) =>
    `${image}${text}${repository}/${image === "" ? "blob" : "raw"}/${revision}/${target}`;
  return markdown.replace(RELATIVE, link);
}
