/** Addresses of network interfaces (IEEE 802, EUI-48): six pairs of hexadecimal digits. */

/** Pairs between colons or dashes, or groups of four between dots; one kind of mark throughout. */
const pattern = /^(?:[0-9A-F]{2}(?:(?::[0-9A-F]{2}){5}|(?:-[0-9A-F]{2}){5})|[0-9A-F]{4}(?:\.[0-9A-F]{4}){2})$/i;

export const macAddressIsWellFormed = (input: string): boolean => pattern.test(input);
