/** Where somebody is: a country of ISO 3166-1, a subdivision of ISO 3166-2, or a division of GB/T 2260 below `CN`. */
import { provinces } from './administrative-division.ts';

/**
 * `SG`, `DE-BY`, `CN`, `CN-33`, `CN-3301`, `CN-330108`. Countries and subdivisions are checked by their form, those of China by the
 * province that the digits begin with; the letters of ISO 3166-2:CN are refused, so that one place has one code.
 */
export function regionCodeIsWellFormed(text: string): boolean {
  if (!text.startsWith('CN-')) return /^[A-Z]{2}(?:-[A-Z0-9]{1,3})?$/.test(text);
  return /^CN-[0-9]{2}(?:[0-9]{2}){0,2}$/.test(text) && provinces.has(text.slice(3, 5));
}
