/** Licence plates of GA 36: the province's character, a letter, then 5 symbols, or 6 for new energy vehicles. */

const provinces = '京津沪渝冀晋辽吉黑苏浙皖闽赣鲁豫鄂湘粤琼川贵云陕甘青蒙桂宁新藏';
const plain = new RegExp(`^[${provinces}][A-HJ-NP-Z][A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]$`, 'u');
/** Small vehicles: D, F and their sisters first (A-H, J, K); large ones: last. */
const newEnergy = new RegExp(`^[${provinces}][A-HJ-NP-Z](?:[A-HJK][A-HJ-NP-Z0-9]\\d{4}|\\d{5}[A-HJK])$`, 'u');

/** Takes the middle dot and spaces that people put after the letter. */
export function plateIsWellFormed(input: string): boolean {
  const text = input.normalize('NFKC').toUpperCase().replace(/[ ·•]/gu, '');
  return plain.test(text) || newEnergy.test(text);
}
