/** Landline numbers of the Chinese mainland: an area code and 7 or 8 digits. */

/** Area codes of three digits are 010 and 02 with another digit; all others have four. A subscriber number begins with 2 to 8. */
const pattern = /^(?:\+86|0086)?(0?(?:10|2\d|[3-9]\d{2}))([2-8]\d{6,7})$/;

/** The digits of a number as people write it (+86, parentheses, spaces, dashes, full-width digits), with the area code's zero; or null. */
export function landlineNumber(input: string): string | null {
  const digits = input.normalize('NFKC').replace(/[ ()-]/g, '');
  const match = pattern.exec(digits);
  if (match === null) return null;
  const [, area = '', subscriber = ''] = match;
  // Without a country code the zero is what tells a landline from other numbers.
  if (!area.startsWith('0') && !/^(?:\+86|0086)/.test(digits)) return null;
  return `0${area.replace(/^0/, '')}${subscriber}`;
}
