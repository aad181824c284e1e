/** Data keys in the data plane: a rotation splits the stream at one offset, a key service that is away holds up nobody else, a shredded key ends it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { fail } from '../../libs/base/index.ts';
import type { Directive, KeyOpener } from '../../libs/catalog/index.ts';
import type { Program } from '../../libs/govern/index.ts';
import { tokenOf } from './compacted-fixture.ts';
import { KeyRing } from './key-ring.ts';
import { PlaneFixture, programOf, visit } from './plane-fixture.ts';

let fixture: PlaneFixture;
let program: Program;

beforeAll(async () => {
  fixture = await PlaneFixture.open();
  program = programOf('tokens');
});
afterEach(() => fixture.stopPlanes());
afterAll(() => fixture.close());

const epoch = (number: number): Pick<Directive, 'dataKey'> => ({
  dataKey: { keyId: 'test', epoch: number, wrapped: randomBytes(32).toString('hex') },
});
const visits = (from: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, index) => visit(from + index, '000007'));

describe('a rotated data key', () => {
  test('governs from one offset on: each record leaves once, under the key of the epoch that its Receipt names', async () => {
    const [dataset, study] = await fixture.dataset(1, 1);
    const old = await fixture.direct(dataset, study as string, program, epoch(1));
    await fixture.start();
    const directives = [old];
    await fixture.publish(dataset, 0, visits(0, 50));
    let published = 50;
    await fixture.governed(dataset, study as string, program, published);
    // Rotations in the middle of a feed that does not stop.
    for (const next of [2, 3]) {
      for (let batch = 0; batch < 20; batch += 1) {
        await fixture.publish(dataset, 0, visits(published, 50));
        published += 50;
        if (batch === 10)
          directives.push(await fixture.direct(dataset, study as string, program, { revision: next, ...epoch(next) }));
      }
    }
    const governed = await fixture.governed(dataset, study as string, program, published);
    expect(governed.map(({ number }) => number)).toEqual(Array.from({ length: published }, (_, index) => index));
    const receipts = (await fixture.receipts(dataset, study as string, published)).map(({ receipt }) => receipt);
    const tokens = directives.map((directive) => tokenOf(directive, 7));
    for (const { keyEpoch, directiveRevision, inputFrom, inputTo } of receipts) {
      expect(BigInt(keyEpoch)).toBe(directiveRevision);
      // Offsets of markers lie between transactions, so a record is found by how many came before it.
      const before = receipts
        .filter((other) => other.inputTo < inputFrom)
        .reduce((sum, other) => sum + Number(other.inputCount), 0);
      const count = Number(receipts.find((other) => other.inputTo === inputTo)?.inputCount);
      const own = governed.slice(before, before + count).map(({ id }) => id);
      expect(new Set(own)).toEqual(new Set([tokens[keyEpoch - 1]]));
    }
    expect(new Set(receipts.map(({ keyEpoch }) => keyEpoch))).toEqual(new Set([1, 2, 3]));
  });
});

describe('a key service that is away', () => {
  test('holds up the agreements whose keys it has, nobody else, and they miss nothing', async () => {
    const [dataset, served, waiting] = await fixture.dataset(1, 2);
    let isAway = true;
    const vault: KeyOpener = {
      unwrap: (key, context) =>
        isAway && context === `agreement/${waiting}`
          ? Promise.resolve(fail('key-service-unreachable', 'planned'))
          : fixture.vault.unwrap(key, context),
    };
    await fixture.direct(dataset, served as string, program);
    await fixture.direct(dataset, waiting as string, program);
    const plane = await fixture.start({ vault });
    await fixture.publish(dataset, 0, visits(0, 100));
    expect(await fixture.governed(dataset, served as string, program, 100)).toHaveLength(100);
    expect(
      fixture.failures.some(({ code, message }) => code === 'key-service-unreachable' && message.includes(waiting as string)),
    ).toBe(true);
    // A change for the other one is not held up either.
    await fixture.direct(dataset, served as string, program, { revision: 2, ...epoch(2) });
    await fixture.publish(dataset, 0, visits(100, 100));
    expect(await fixture.governed(dataset, served as string, program, 200)).toHaveLength(200);
    expect(plane.readiness().reasons.map(({ reason }) => reason)).toContain('keys-unopened');
    isAway = false;
    const late = await fixture.governed(dataset, waiting as string, program, 200);
    expect(late.map(({ number }) => number)).toEqual(Array.from({ length: 200 }, (_, index) => index));
    expect(plane.readiness().reasons.map(({ reason }) => reason)).not.toContain('keys-unopened');
  });

  test('that answers never does not stop the directives from being read', async () => {
    const [dataset, served, hanging] = await fixture.dataset(1, 2);
    const vault: KeyOpener = {
      unwrap: (key, context) =>
        context === `agreement/${hanging}` ? new Promise(() => undefined) : fixture.vault.unwrap(key, context),
    };
    await fixture.direct(dataset, served as string, program);
    const plane = await fixture.start({ vault });
    await fixture.direct(dataset, hanging as string, program);
    await fixture.publish(dataset, 0, visits(0, 10));
    expect(await fixture.governed(dataset, served as string, program, 10)).toHaveLength(10);
    const { dataKey } = await fixture.direct(dataset, served as string, program, { revision: 2, ...epoch(2) });
    expect(dataKey?.epoch).toBe(2);
    let published = 10;
    const underTheNextKey = async (): Promise<boolean> => {
      await fixture.publish(dataset, 0, visits(published, 10));
      published += 10;
      const receipts = await fixture.receipts(dataset, served as string, published);
      return receipts.some(({ receipt }) => receipt.keyEpoch === 2);
    };
    expect(await fixture.until(underTheNextKey)).toBe(true);
    expect(plane.readiness().reasons.map(({ reason }) => reason)).not.toContain('directives-stale');
  });
});

describe('a shredded data key', () => {
  test('ends the agreement in a data plane that had it, and no later directive brings it back', async () => {
    const [dataset, study] = await fixture.dataset(1, 1);
    await fixture.direct(dataset, study as string, program);
    await fixture.start();
    await fixture.publish(dataset, 0, visits(0, 10));
    expect(await fixture.governed(dataset, study as string, program, 10)).toHaveLength(10);
    await fixture.direct(dataset, study as string, program, { revision: 2, state: 'started', dataKey: null });
    const told = (): boolean =>
      fixture.failures.some(({ code, message }) => code === 'key-destroyed' && message.includes(study as string));
    expect(await fixture.until(told)).toBe(true);
    await fixture.publish(dataset, 0, visits(10, 10));
    expect(await fixture.governed(dataset, study as string, program, 11, 2_000)).toHaveLength(10);
  });
});

describe('the key ring', () => {
  const key = (wrapped: string) => ({ keyId: 'k', epoch: 1, wrapped });

  test('opens each key once, a few at a time, and forgets what nobody uses', async () => {
    let [open, most, calls] = [0, 0, 0];
    const ring = new KeyRing({
      unwrap: async ({ wrapped }) => {
        calls += 1;
        most = Math.max(most, (open += 1));
        await new Promise((resolve) => setTimeout(resolve, 1));
        open -= 1;
        return { ok: true, value: Buffer.from(wrapped) };
      },
    });
    const names = Array.from({ length: 100 }, (_, index) => String(index));
    const later = performance.now() + 10_000;
    const opened = await Promise.all([...names, ...names].map((name) => ring.opened(key(name), 'c', later)));
    expect(opened.every(({ ok }) => ok)).toBe(true);
    expect([calls, most]).toEqual([100, 16]);
    ring.keepOnly([[key('1'), 'c']]);
    expect(ring.isOpen(key('1'), 'c')).toBe(true);
    expect(ring.isOpen(key('2'), 'c')).toBe(false);
    expect(ring.isOpen(key('1'), 'other')).toBe(false);
  });
});
