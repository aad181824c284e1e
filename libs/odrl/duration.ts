/** Durations of ISO 8601 as policies have them: whole numbers of years, months, weeks, days, hours, minutes and seconds. */

const pattern =
  /^P(?!$)(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?!$)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?$/;

/** Seconds of each part, least and most: months have 28 to 31 days, years 365 or 366. */
const parts = [
  [365 * 86_400, 366 * 86_400],
  [28 * 86_400, 31 * 86_400],
  [604_800, 604_800],
  [86_400, 86_400],
  [3_600, 3_600],
  [60, 60],
  [1, 1],
] as const;

/** The shortest and longest that a duration can be, in seconds; null for what is no duration. */
export function durationBounds(text: string): { readonly least: number; readonly most: number } | null {
  const found = pattern.exec(text);
  if (found === null) return null;
  let [least, most] = [0, 0];
  for (const [index, [shortest, longest]] of parts.entries()) {
    const count = Number(found[index + 1] ?? 0);
    least += count * shortest;
    most += count * longest;
  }
  return { least, most };
}

/** Whether one duration is never longer than another. */
export function isNoLonger(mine: string, other: string): boolean {
  if (mine === other) return true;
  const [a, b] = [durationBounds(mine), durationBounds(other)];
  return a !== null && b !== null && a.most <= b.least;
}
