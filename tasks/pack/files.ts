/** Files and folders. */

/** The files in a folder whose names end so, sorted; of a path that is a file, itself. */
export async function filesIn(path: string, ending: string): Promise<string[]> {
  if ((await Deno.stat(path)).isFile) return path.endsWith(ending) ? [path] : [];
  const inner: Promise<string[]>[] = [];
  for await (const { name } of Deno.readDir(path)) inner.push(filesIn(`${path}/${name}`, ending));
  return (await Promise.all(inner)).flat().sort();
}

/** Copies a file, and creates the folders that it is to be in. */
export async function copyFile(from: string, to: string): Promise<void> {
  await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  await Deno.copyFile(from, to);
}

/** Writes a file, and creates the folders that it is to be in. */
export async function writeFile(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}
