/**
 * Text that is searched without a dictionary, in Chinese as in English: every two neighbouring characters of a word are a gram that an index finds, and a
 * hit is confirmed by looking for the words themselves.
 */

const wordsMax = 16;
const wordLengthMax = 64;

/** Compatibility forms, case and white space made one. Source: Unicode Standard Annex 15, normalization form KC. */
export const searchForm = (text: string): string => text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim();

const wordsOf = (text: string): readonly string[] => searchForm(text).match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];

/** The words of a query, at most 16 of 64 characters; the same word once. */
export const searchWords = (query: string): readonly string[] =>
  [...new Set(wordsOf(query).map((word) => [...word].slice(0, wordLengthMax).join('')))].slice(0, wordsMax);

/** The grams of a text: neighbours within a word, and each Chinese character by itself, for one is a word already. */
export function searchGrams(text: string): readonly string[] {
  const grams = new Set<string>();
  for (const word of wordsOf(text)) {
    const characters = [...word];
    characters.forEach((character, index) => {
      if (/\p{Script=Han}/u.test(character)) grams.add(character);
      const next = characters[index + 1];
      if (next !== undefined) grams.add(character + next);
    });
  }
  return [...grams];
}
