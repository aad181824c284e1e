/** Vehicle identification numbers (ISO 3779): 17 symbols without I, O and Q, the ninth a check digit where the maker keeps to it. */

const values: Readonly<Record<string, number>> = Object.fromEntries(
  [...'0123456789']
    .map((digit) => [digit, Number(digit)] as const)
    .concat(
      [...'ABCDEFGH'].map((letter, index) => [letter, index + 1] as const),
      [...'JKLMN'].map((letter, index) => [letter, index + 1] as const),
      [
        ['P', 7],
        ['R', 9],
      ],
      [...'STUVWXYZ'].map((letter, index) => [letter, index + 2] as const),
    ),
);
const weights = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/** Some vehicles of Chinese makers do not fit: use it to score a candidate, never to refuse one. */
export function vinCheckDigitFits(input: string): boolean {
  const text = input.normalize('NFKC').toUpperCase();
  return /^[0-9A-HJ-NPR-Z]{17}$/.test(text) && vinCheckDigit(text) === text[8];
}

/** The check digit of a 17-symbol number, whatever stands in its ninth place: `0` to `9` or `X`. */
export function vinCheckDigit(vin: string): string {
  let sum = 0;
  for (let index = 0; index < 17; index += 1) sum += (values[vin.charAt(index)] ?? 0) * (weights[index] ?? 0);
  const remainder = sum % 11;
  return remainder === 10 ? 'X' : String(remainder);
}
