/** Mobile numbers of the Chinese mainland: 11 digits, 13 to 19 in front. */

/** The 11 digits of a number as people write it (+86, 0086, spaces, dashes, full-width digits), or null. */
export function mobileNumber(input: string): string | null {
  const digits = input.normalize('NFKC').replace(/[ -]/g, '');
  return /^(?:\+86|0086)?(1[3-9]\d{9})$/.exec(digits)?.[1] ?? null;
}
