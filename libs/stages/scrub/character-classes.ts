/**
 * What a UTF-16 unit may begin or belong to, by one look into a table. Full-width letters and digits count as the ASCII ones that NFKC makes of
 * them; the text itself is never rewritten, so a place in it stays the same place. Circled digits do not count: they number the items of lists.
 */

export const digit = 1;
export const letter = 2;
export const alphanumeric = digit | letter;
/** Of the Basic Multilingual Plane, or the first unit of one of the planes behind it. */
export const han = 4;
/** May begin a surname. */
export const surname = 8;
/** May begin the marker of a part of an address. */
export const addressMarker = 16;
/** The character of a province on a licence plate. */
export const plateProvince = 32;
/** What an e-mail address, an IPv6 address or a name of two parts has in the middle. */
export const middleSign = 64;

const units = 65_536;

/** Bits of the classes above, by UTF-16 unit. */
export const classes = new Uint8Array(units);
/** The ASCII character that a unit stands for: itself, its full-width form, a dash or a space of another width; 0 for all others. */
export const asciiOf = new Uint8Array(units);

for (let unit = 0; unit < 128; unit += 1) asciiOf[unit] = unit;
for (let unit = 0xff01; unit <= 0xff5e; unit += 1) asciiOf[unit] = unit - 0xfee0;
for (const unit of [0xa0, 0x2002, 0x2003, 0x2009, 0x202f, 0x3000]) asciiOf[unit] = 0x20;
for (const unit of [0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212]) asciiOf[unit] = 0x2d;

for (let unit = 0; unit < units; unit += 1) {
  const ascii = String.fromCharCode(asciiOf[unit] as number);
  if (/[0-9]/.test(ascii)) classes[unit] = digit;
  else if (/[A-Za-z]/.test(ascii)) classes[unit] = letter;
  // Unified ideographs, extension A, compatibility ideographs, 〇; high surrogates of the planes 2 and 3.
  else if (
    (unit >= 0x4e00 && unit <= 0x9fff) ||
    (unit >= 0x3400 && unit <= 0x4dbf) ||
    (unit >= 0xf900 && unit <= 0xfaff) ||
    unit === 0x3007 ||
    (unit >= 0xd840 && unit <= 0xd888)
  )
    classes[unit] = han;
}

/** Adds a class to each character of a text; a character of two units is marked by its first. */
export function mark(characters: string, bit: number): void {
  for (const character of characters) {
    const unit = character.charCodeAt(0);
    classes[unit] = (classes[unit] as number) | bit;
  }
}

mark('京津沪渝冀晋辽吉黑苏浙皖闽赣鲁豫鄂湘粤琼川贵云陕甘青蒙桂宁新藏', plateProvince);
mark('@＠:·•・‧･', middleSign);

/** Behind the end of a text there is nothing: no class and no ASCII character. */
export const classAt = (text: string, at: number): number =>
  at >= 0 && at < text.length ? (classes[text.charCodeAt(at)] as number) : 0;
export const asciiAt = (text: string, at: number): number =>
  at >= 0 && at < text.length ? (asciiOf[text.charCodeAt(at)] as number) : 0;

export const isDigitAt = (text: string, at: number): boolean => (classAt(text, at) & digit) !== 0;
export const isAlphanumericAt = (text: string, at: number): boolean => (classAt(text, at) & alphanumeric) !== 0;

/** UTF-16 units of the ideograph at a place: 1, 2 for one beyond the first plane such as U+20BB7, or 0 for anything else. */
export function hanUnits(text: string, at: number): 0 | 1 | 2 {
  if ((classAt(text, at) & han) === 0) return 0;
  if (!isHighSurrogate(text.charCodeAt(at))) return 1;
  return (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00 ? 2 : 0;
}

const isHighSurrogate = (unit: number): boolean => (unit & 0xfc00) === 0xd800;

/** The ASCII form of a stretch of letters, digits and signs; for stretches whose length is bounded. */
export function asciiText(text: string, start: number, end: number): string {
  let ascii = '';
  for (let at = start; at < end; at += 1) ascii += String.fromCharCode(asciiAt(text, at));
  return ascii;
}
