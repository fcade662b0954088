/**
 * Finds the known name that a wrong name most likely means: the most similar name, or the only name
 * with the same beginning. Returns nothing if no name is similar.
 */
export function didYouMean(written: string, known: readonly string[]): string | undefined {
  const word = written.toLowerCase();
  const begun = known.filter((name) => word !== "" && name.startsWith(word));
  if (begun.length === 1) return begun[0];
  const distances = known.map((name) => ({ name, distance: distance(word, name) }));
  const [nearest] = distances.sort((a, b) => a.distance - b.distance);
  return nearest && nearest.distance <= allowed(word) ? nearest.name : undefined;
}

/** Tells how many slips of the finger a word of this length may hold. */
function allowed(word: string): number {
  return Math.max(1, Math.floor(word.length * 0.4));
}

/** Counts the letters that differ: added, left out, replaced, or swapped with the next letter. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const [above = 0, left = 0, diagonal = 0] = [last[j], row[j - 1], last[j - 1]];
      const isSame = a[i - 1] === b[j - 1];
      let best = Math.min(above + 1, left + 1, diagonal + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
