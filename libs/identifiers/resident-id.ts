/** The resident identity number of GB 11643: area (6), birth date (8), sequence (3), check digit. */

export interface ResidentId {
  /** The 18 characters in their plain form: ASCII digits, a capital X. */
  readonly text: string;
  /** GB/T 2260 code of the place of registration, 6 digits. Codes of abolished areas stay in use, so it is not looked up here. */
  readonly areaCode: string;
  /** ISO 8601 date. */
  readonly birthDate: string;
  /** From digit 17: odd is male. A mask that leaves digit 17 visible leaks it. */
  readonly sex: 'male' | 'female';
}

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const checkDigits = '10X98765432';
const pattern = /^([1-9]\d{5})(\d{4})(\d{2})(\d{2})\d{2}(\d)[\dX]$/;

/** Reads a number as people write it (small x, full-width digits); null when the shape, the date or the check digit is wrong. */
export function parseResidentId(input: string): ResidentId | null {
  const text = input.normalize('NFKC').toUpperCase();
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, areaCode = '', year = '', month = '', day = '', parity = ''] = match;
  if (!dateExists(Number(year), Number(month), Number(day))) return null;
  if (residentIdCheckDigit(text.slice(0, 17)) !== text[17]) return null;
  return { text, areaCode, birthDate: `${year}-${month}-${day}`, sex: Number(parity) % 2 === 1 ? 'male' : 'female' };
}

/** The check digit of the first 17 digits (ISO 7064 MOD 11-2): `0` to `9` or `X`. Throws on anything but 17 digits. */
export function residentIdCheckDigit(first17: string): string {
  if (!/^\d{17}$/.test(first17)) throw new TypeError('residentIdCheckDigit takes 17 digits');
  let sum = 0;
  for (let index = 0; index < 17; index += 1) sum += (weights[index] ?? 0) * (first17.charCodeAt(index) - 48);
  return checkDigits.charAt(sum % 11);
}

function dateExists(year: number, month: number, day: number): boolean {
  if (year < 1800) return false;
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
