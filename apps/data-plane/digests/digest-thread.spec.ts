/** Digests that another thread computes against those of the ledger, whatever comes in between; and what happens when the thread does not. */
import { randomFillSync } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GovernedDigest } from '../../../libs/ledger/index.ts';
import { sharedArena } from '../../../libs/records/index.ts';
import { entriesMax, ringBytes } from './digest-ring.ts';
import type { DigestSession, ReceiptDigest } from './digest-session.ts';
import { localDigests } from './digest-session.ts';
import { DigestThread } from './digest-thread.ts';

const seed = 20_261_129;
const noise = randomFillSync(Buffer.alloc(4 * 1024 * 1024));
const thread = new DigestThread();
afterAll(() => thread.stop());

type Governed = readonly (readonly [key: Uint8Array | null, value: Uint8Array | null])[];

/** Puts records into the arena's output as a run of a Program would; null values are what it did not let through. */
function put(records: Governed): void {
  const { output } = sharedArena();
  output.recycle?.(16_384);
  let used = 0;
  const place = (data: Uint8Array | null): [number, number] => {
    if (data === null) return [-1, -1];
    output.bytes.set(data, used);
    used += data.length;
    return [used - data.length, used];
  };
  for (const [index, [key, value]] of records.entries()) {
    [output.keyStart[index], output.keyEnd[index]] = place(key);
    [output.valueStart[index], output.valueEnd[index]] = place(value);
  }
  output.length = used;
}

async function finished(session: DigestSession, digests: readonly ReceiptDigest[]): Promise<string[]> {
  const settled = await session.settle();
  if (!settled.ok) throw new Error(settled.failure.message);
  return digests.map((digest) => Buffer.from(digest.finish()).toString('hex'));
}

/** What was added to a digest: records of a run or one by one, in this order. */
function expected(added: readonly Governed[]): string {
  const digest = new GovernedDigest();
  for (const [key, value] of added.flat()) digest.add(key, value);
  return Buffer.from(digest.finish()).toString('hex');
}

const bytes = fc.tuple(fc.nat(60_000), fc.oneof({ weight: 9, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.nat(90_000) }));
const data = bytes.map(([at, length]) => noise.subarray(at, at + length));
const governed = fc.array(fc.tuple(fc.option(data), data), { maxLength: 20 });
const step = fc.record({
  session: fc.nat(1),
  digests: fc.uniqueArray(fc.nat(2), { minLength: 1 }),
  run: fc.boolean(),
  records: governed,
});

describe('digests on a thread of their own', () => {
  test('are those of the ledger, for runs and single records of several digests and sessions in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const sessions = [thread.session(), thread.session()];
        const open = sessions.map((session) => [session.open(), session.open(), session.open()]);
        const added = open.map((digests) => digests.map((): Governed[] => []));
        for (const { session, digests, run, records } of steps) {
          const chosen = digests.map((digest) => open[session]?.[digest] as ReceiptDigest);
          for (const digest of digests) added[session]?.[digest]?.push(records);
          if (run) {
            put(records);
            sessions[session]?.addRun(chosen, sharedArena(), 0, records.length);
          } else for (const digest of chosen) for (const [key, value] of records) digest.add(key, value);
        }
        for (const [index, session] of sessions.entries())
          expect(await finished(session, open[index] as ReceiptDigest[])).toEqual((added[index] as Governed[][]).map(expected));
      }),
      { seed, numRuns: 200 },
    );
  });

  test('leave out what a Program did not let through, as those of this thread do', async () => {
    put([
      [Buffer.from('a'), Buffer.from('1')],
      [Buffer.from('b'), null],
      [null, Buffer.from('2')],
    ]);
    const sums: string[] = [];
    for (const session of [localDigests, thread.session()]) {
      const digest = session.open();
      session.addRun([digest], sharedArena(), 0, 3);
      sums.push(...(await finished(session, [digest])));
    }
    expect(sums[0]).toBe(sums[1]);
    expect(sums[0]).not.toBe(expected([]));
  });

  test('wait for room when there is more than the ring holds, in bytes and in entries', async () => {
    const session = thread.session();
    const [wide, many] = [session.open(), session.open()];
    const [inWide, inMany] = [new GovernedDigest(), new GovernedDigest()];
    const whole: Governed = [[null, noise.subarray(0, 3 * 1024 * 1024)]];
    put(whole);
    for (let index = 0; index < (6 * ringBytes) / (3 * 1024 * 1024); index += 1) {
      session.addRun([wide], sharedArena(), 0, 1);
      inWide.add(null, whole[0]?.[1] ?? null);
    }
    put([[null, Buffer.from('small')]]);
    for (let index = 0; index < 3 * entriesMax; index += 1) {
      session.addRun([many], sharedArena(), 0, 1);
      inMany.add(null, Buffer.from('small'));
    }
    const value = noise.subarray(0, ringBytes / 4 + 17);
    wide.add(null, value);
    inWide.add(null, value);
    expect(await finished(session, [wide, many])).toEqual(
      [inWide, inMany].map((digest) => Buffer.from(digest.finish()).toString('hex')),
    );
  });

  test('of a session that is given up leave the others as they are', async () => {
    const [given, kept] = [thread.session(), thread.session()];
    const digests = [given.open(), kept.open()];
    for (const digest of digests) digest.add(Buffer.from('k'), noise.subarray(0, 100_000));
    given.close();
    expect(await finished(kept, [digests[1] as ReceiptDigest])).toEqual([
      expected([[[Buffer.from('k'), noise.subarray(0, 100_000)]]]),
    ]);
  });

  test('cannot be had before they are settled', () => {
    const session = thread.session();
    const digest = session.open();
    expect(() => digest.finish()).toThrow('not settled');
    session.close();
  });
});

const program = (text: string): URL => new URL(`data:text/javascript,${encodeURIComponent(text)}`);

describe('a thread of digests that', () => {
  test('throws makes the settling fail, whether it was asked before or after', async () => {
    const broken = new DigestThread({ program: program(`throw new Error('out of order')`) });
    const session = broken.session();
    const asked = session.settle();
    expect(await asked).toMatchObject({
      ok: false,
      failure: { code: 'transaction-failed', message: expect.stringContaining('out of order') },
    });
    session.open().add(null, noise);
    expect(await session.settle()).toMatchObject({ ok: false, failure: { code: 'transaction-failed' } });
    await broken.stop();
  });

  test('stands still holds this one up no longer than it is given', async () => {
    const still = new DigestThread({ program: program('setInterval(() => undefined, 1000)'), stuckMs: 50 });
    const session = still.session();
    const digest = session.open();
    for (let index = 0; index < 6; index += 1) digest.add(null, noise);
    expect(await session.settle()).toMatchObject({ ok: false, failure: { message: expect.stringContaining('stands still') } });
    await still.stop();
  });

  test('stands still is not waited for any longer when it is asked for little either', async () => {
    const still = new DigestThread({ program: program('setInterval(() => undefined, 1000)'), stuckMs: 50 });
    const session = still.session();
    session.open().add(null, Buffer.from('x'));
    expect(await session.settle()).toMatchObject({ ok: false, failure: { message: expect.stringContaining('stands still') } });
    await still.stop();
  });

  test('was stopped is started anew for the next session', async () => {
    const again = new DigestThread();
    const before = again.session();
    const lost = before.open();
    lost.add(null, Buffer.from('x'));
    const asked = before.settle();
    await again.stop();
    expect([true, false]).toContain((await asked).ok);
    expect(await before.settle()).toMatchObject({ ok: false });
    const session = again.session();
    const digest = session.open();
    digest.add(null, Buffer.from('x'));
    expect(await finished(session, [digest])).toEqual([expected([[[null, Buffer.from('x')]]])]);
    await again.stop();
  });
});
