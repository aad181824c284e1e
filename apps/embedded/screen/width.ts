/** Text on a terminal: Chinese characters take two cells. */

/** Cells that a text takes. Control characters take none; they must have been removed before. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const sign of text) width += isWide(sign.codePointAt(0) ?? 0) ? 2 : 1;
  return width;
}

/** The text in at most `width` cells, ending with an ellipsis where it was cut. Control characters become spaces. */
export function fit(text: string, width: number): string {
  const clean = text.replaceAll(/\p{Cc}/gu, ' ');
  if (displayWidth(clean) <= width) return clean;
  let kept = '';
  let used = 0;
  for (const sign of clean) {
    const next = used + displayWidth(sign);
    if (next > width - 1) break;
    kept += sign;
    used = next;
  }
  return `${kept}…`;
}

export const padEnd = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - displayWidth(text)));

export const padStart = (text: string, width: number): string => ' '.repeat(Math.max(0, width - displayWidth(text))) + text;

/** East Asian wide and fullwidth ranges, as far as names, addresses and punctuation need them. Source: Unicode UAX 11. */
function isWide(point: number): boolean {
  return (
    (point >= 0x1100 && point <= 0x115f) ||
    (point >= 0x2e80 && point <= 0xa4cf) ||
    (point >= 0xac00 && point <= 0xd7a3) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0xfe30 && point <= 0xfe6f) ||
    (point >= 0xff00 && point <= 0xff60) ||
    (point >= 0xffe0 && point <= 0xffe6) ||
    (point >= 0x1f300 && point <= 0x1faff) ||
    (point >= 0x20000 && point <= 0x3fffd)
  );
}
