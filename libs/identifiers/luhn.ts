/** Numbers that end in a Luhn check digit (ISO/IEC 7812-1, annex B): bank cards and IMEIs. */

/** 13 to 19 digits; spaces and dashes between groups are left out first. */
export function bankCardIsValid(input: string): boolean {
  const digits = input.normalize('NFKC').replace(/[ -]/g, '');
  return /^[1-9]\d{12,18}$/.test(digits) && luhnFits(digits);
}

/** 15 digits (3GPP TS 23.003). */
export function imeiIsValid(input: string): boolean {
  return /^\d{15}$/.test(input) && luhnFits(input);
}

/** The digit that, put behind these, makes them fit. Throws on anything but digits. */
export function luhnCheckDigit(digits: string): string {
  if (!/^\d+$/.test(digits)) throw new TypeError('luhnCheckDigit takes digits');
  return String((10 - (luhnSum(`${digits}0`) % 10)) % 10);
}

const luhnFits = (digits: string): boolean => luhnSum(digits) % 10 === 0;

function luhnSum(digits: string): number {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48;
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum;
}
