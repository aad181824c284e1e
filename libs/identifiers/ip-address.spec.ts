import { isIPv4, isIPv6 } from 'node:net';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseIpAddress, writtenIpAddress } from './ip-address.ts';

const rewritten = (text: string): string | null => {
  const address = parseIpAddress(text);
  return address === null ? null : writtenIpAddress(address);
};

/** The canonical text by the URL parser of the platform, which follows RFC 5952 but for mapped addresses. */
const byPlatform = (text: string): string => new URL(`http://[${text}]/`).hostname.slice(1, -1);

test('any IPv6 address has the text that the platform gives it, with as many ways to write it as there are', () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  const groups = fc.array(group, { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, fc.boolean(), fc.nat(3), (values, upper, padding) => {
      const plain = values.map((value) => value.toString(16).padStart(padding + 1, '0')).join(':');
      const written = upper ? plain.toUpperCase() : plain;
      if (values.slice(0, 5).every((value) => value === 0) && values[5] === 0xffff) return;
      expect(rewritten(written)).toBe(byPlatform(written));
      // What it wrote it reads again.
      expect(rewritten(byPlatform(written))).toBe(byPlatform(written));
    }),
    { seed: 5952, numRuns: 2000 },
  );
});

test('what is an address for the platform is one here, and nothing else is', () => {
  const texts = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4Extended(),
    fc
      .array(fc.constantFrom('0', '1', '25', 'f', 'ffff', ':', '::', '.', '256', '01', ' ', '%', '/'), { maxLength: 20 })
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      expect([text, parseIpAddress(text) !== null]).toEqual([text, (isIPv4(text) || isIPv6(text)) && !text.includes('%')]);
    }),
    { seed: 4291, numRuns: 5000 },
  );
});
