/** The unified social credit code of GB 32100: 17 symbols and a check symbol, from an alphabet without I, O, S, V and Z. */

const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY';
const weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/** Takes capitals and full-width forms; a small letter is not a symbol of the code. */
export function socialCreditCodeIsValid(input: string): boolean {
  const text = input.normalize('NFKC');
  if (text.length !== 18 || [...text].some((symbol) => !alphabet.includes(symbol))) return false;
  return socialCreditCheckDigit(text.slice(0, 17)) === text[17];
}

/** The check symbol of the first 17. Throws on anything that is not 17 symbols of the alphabet. */
export function socialCreditCheckDigit(first17: string): string {
  if (first17.length !== 17) throw new TypeError('socialCreditCheckDigit takes 17 symbols');
  let sum = 0;
  for (let index = 0; index < 17; index += 1) {
    const value = alphabet.indexOf(first17.charAt(index));
    if (value < 0) throw new TypeError('socialCreditCheckDigit: a symbol is not of the alphabet');
    sum += value * (weights[index] ?? 0);
  }
  return alphabet.charAt((31 - (sum % 31)) % 31);
}
