/** One page of a list, with the token of the next page. */
export interface Page<T> {
  /** The items. */
  readonly items: T[];
  /** Empty on the last page. */
  readonly NextToken: { readonly NextToken?: string };
}

/** Cuts a page out of a list. A token is where the page begins, as base64; any other begins anew. */
export function paged<T>(
  list: readonly T[],
  { max, token }: { max: number; token: string | undefined },
): Page<T> {
  const start = startOf(token);
  const end = start + max;
  const items = list.slice(start, end);
  return { items, NextToken: end < list.length ? { NextToken: btoa(`at ${end}`) } : {} };
}

function startOf(token: string | undefined): number {
  try {
    const [, digits] = /^at (\d+)$/.exec(atob(token ?? "")) ?? [];
    return Number(digits ?? 0);
  } catch {
    return 0;
  }
}
