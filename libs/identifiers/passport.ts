/** Passports of the People's Republic of China: a type letter (E and a second letter since 2017, G, D, S, P or H) and digits. */

export function passportIsWellFormed(input: string): boolean {
  return /^(?:[EGDSPH]\d{8}|E[A-HJ-NP-Z]\d{7})$/.test(input.normalize('NFKC').toUpperCase());
}
