/**
 * The two halves of everything that texts are made from: what has an even index in its list is for tuning, what has an odd one is held out.
 * Nobody looks at what the recognizer makes of the held-out half, but by its figures.
 */
export type Half = 'tuning' | 'held-out';

export const ofHalf = <T>(items: readonly T[], half: Half): T[] =>
  items.filter((_, index) => index % 2 === (half === 'tuning' ? 0 : 1));
