import { expect, test } from '@jest/globals';
import { governed } from '../stage-fixture.ts';

const trial = { type: 'string', stage: 'hash-bucket' } as const;

test('ten thousand texts fall into ten buckets evenly', () => {
  const texts = Array.from({ length: 10_000 }, (_, index) => `person ${index}`);
  const counts = Array.from({ length: 10 }, () => 0);
  for (const bucket of governed({ ...trial, with: { buckets: 10 } }, texts) as number[])
    counts[bucket] = (counts[bucket] ?? Number.NaN) + 1;
  const chiSquared = counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  // The 99.9th percentile with nine degrees of freedom; the key is fixed, so this never changes by chance.
  expect(chiSquared).toBeLessThan(27.9);
});

test('equal values have one bucket, whichever type writes them, by the canonical text', () => {
  const settings = { buckets: 1000, domain: 'person' };
  const [text, int, long, double] = [
    governed({ ...trial, with: settings }, ['37']),
    governed({ ...trial, type: 'int', with: settings }, [37]),
    governed({ ...trial, type: 'long', with: settings }, [37]),
    governed({ ...trial, type: 'double', with: settings }, [37]),
  ];
  expect([int, long, double]).toEqual([text, text, text]);
});

test('another field has other buckets', () => {
  const texts = Array.from({ length: 50 }, (_, index) => String(index));
  expect(governed({ ...trial, with: { buckets: 1000 } }, texts)).not.toEqual(
    governed({ ...trial, with: { buckets: 1000, domain: 'person' } }, texts),
  );
});
