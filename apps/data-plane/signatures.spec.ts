/** Whoever can write the topic of directives can stop an agreement, and can neither start nor change one. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DirectiveLog } from '../../libs/adapters/kafka/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { approvingLog, testSigner, uniqueId, withSignedPrograms } from '../../libs/testkit/index.ts';
import { PlaneFixture, programOf } from './plane-fixture.ts';

let fixture: PlaneFixture;
/** Writes the topic without the control plane's key. */
let thief: ReturnType<typeof approvingLog>;
/** Signs as the control plane does, and whatever Programs it is given. */
let careless: DirectiveLog;
const tokens = programOf('tokens');
const noKeys = programOf('no keys');

beforeAll(async () => {
  fixture = await PlaneFixture.open();
  thief = approvingLog(
    unwrap(await DirectiveLog.open(fixture.cluster, testSigner('thieves'), uniqueId('thief'))),
    testSigner('thieves'),
  );
  careless = unwrap(await DirectiveLog.open(fixture.cluster, testSigner(), uniqueId('careless')));
  await fixture.start();
}, 60_000);

afterAll(async () => {
  await careless?.close();
  await thief?.close();
  await fixture?.close();
}, 60_000);

const refused = (agreement: string): boolean =>
  fixture.failures.some(({ code, message }) => code === 'signature-invalid' && message.includes(agreement));

const approvedAs = ({ governedSchema, manifest, module, hash }: typeof noKeys, { programs }: Directive): Directive['programs'] =>
  programs.map((program) => ({
    ...program,
    governedSchema: governedSchema.text,
    manifest,
    module: Buffer.from(module ?? []).toString('base64'),
    programHash: hash,
  }));

describe('a directive that the control plane did not sign', () => {
  test('starts nothing', async () => {
    const [dataset, real, forged] = await fixture.dataset(1, 2);
    const directive = await fixture.direct(dataset, real as string, tokens);
    await fixture.numbers(dataset, 0, 0, 20);
    expect(await fixture.governed(dataset, real as string, tokens, 20)).toHaveLength(20);
    unwrap(await thief.publish({ ...directive, agreement: forged as string }));
    await fixture.numbers(dataset, 0, 20, 20);
    // What was published behind it is there for the real one, and still nothing for the other.
    expect(await fixture.governed(dataset, real as string, tokens, 40)).toHaveLength(40);
    expect(await fixture.governed(dataset, forged as string, tokens, 1, 1_000)).toEqual([]);
  }, 60_000);

  test.each([
    ['another key', async (changed: Directive): Promise<void> => unwrap(await thief.publish(changed))],
    [
      'the key of the control plane, with a Program that nobody approved for this agreement',
      async (changed: Directive) => {
        const { programs } = await withSignedPrograms(testSigner(), { ...changed, agreement: 'another' });
        unwrap(await careless.publish({ ...changed, programs }));
      },
    ],
  ])(
    'changes nothing, and holds the agreement until the control plane speaks again: %s',
    async (_, publish) => {
      const [dataset, agreement] = (await fixture.dataset(1, 1)) as [string, string];
      const directive = await fixture.direct(dataset, agreement, tokens);
      await fixture.numbers(dataset, 0, 0, 20);
      expect(await fixture.governed(dataset, agreement, tokens, 20)).toHaveLength(20);
      await publish({ ...directive, revision: 2, programs: approvedAs(noKeys, directive) });
      expect(await fixture.until(() => refused(agreement))).toBe(true);
      await fixture.numbers(dataset, 0, 20, 20);
      expect(await fixture.governed(dataset, agreement, tokens, 21, 1_000)).toHaveLength(20);
      await fixture.direct(dataset, agreement, tokens, { dataKey: directive.dataKey });
      const patients = await fixture.governed(dataset, agreement, tokens, 40);
      expect(patients.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 40 }, (__, index) => index),
      );
      expect(patients.every(({ id }) => id !== undefined && /^[0-9a-f]{16,}$/.test(id))).toBe(true);
    },
    60_000,
  );
});
