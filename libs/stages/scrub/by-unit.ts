/** Looks things up by one UTF-16 unit: an array access, for what is asked at every other character of a text. */

export interface ByUnit<T> {
  /** What was filed under the unit, in its order; the same empty array for all other units. */
  at(unit: number): readonly T[];
}

export function byUnit<T>(items: readonly T[], unitOf: (item: T) => number): ByUnit<T> {
  const lists: T[][] = [[]];
  const index = new Uint16Array(65_536);
  for (const item of items) {
    const unit = unitOf(item);
    if (index[unit] === 0) index[unit] = lists.push([]) - 1;
    lists[index[unit] as number]?.push(item);
  }
  return { at: (unit) => lists[index[unit] as number] as T[] };
}

/** Words by their first unit, the longest first. */
export const byFirstUnit = (words: readonly string[]): ByUnit<string> =>
  byUnit(
    [...words].sort((a, b) => b.length - a.length),
    (word) => word.charCodeAt(0),
  );

/** Whether one of the words begins at a place. */
export function hasWordAt(words: ByUnit<string>, text: string, at: number): boolean {
  if (at >= text.length) return false;
  for (const word of words.at(text.charCodeAt(at))) if (text.startsWith(word, at)) return true;
  return false;
}

/** Whether one of the words, which are filed under their last unit, ends before a place. */
export function hasWordBefore(words: ByUnit<string>, text: string, at: number): boolean {
  if (at === 0) return false;
  for (const word of words.at(text.charCodeAt(at - 1))) if (text.startsWith(word, at - word.length)) return true;
  return false;
}
