/** What was approved is what is published: signatures of Programs and directives, their rotation, and what a changed database leads to. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { signatureIn } from '../../libs/adapters/kafka/index.ts';
import { retireSigningKeys, rotateSigningKey } from '../../libs/adapters/kms/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { parseDirective, programPayload } from '../../libs/catalog/index.ts';
import type { Feed, Fixture } from './control-plane-fixture.ts';
import { eventually, expectStatus, makeFeed, readAll, startFixture } from './control-plane-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
}, 60_000);
afterAll(async () => {
  await fixture.close();
});

interface Published {
  readonly directive: Directive;
  /** Of the key that signed it; null where the signature is not good. */
  readonly keyId: string | null;
  readonly programKeyIds: readonly (string | null)[];
}

/** The newest directive of an agreement, and who signed it. */
async function published(agreement: string): Promise<Published> {
  const records = await readAll(fixture.cluster, topicNames.directives);
  const last = records.findLast(({ key }) => Buffer.from(key ?? []).toString() === agreement);
  const value = last?.value ?? new Uint8Array();
  const directive = unwrap(parseDirective(Buffer.from(value).toString()));
  const keyIdOf = async (...signed: Parameters<typeof fixture.checker.check>): Promise<string | null> => {
    const checked = await fixture.checker.check(...signed);
    return checked.ok ? checked.value.keyId : null;
  };
  return {
    directive,
    keyId: await keyIdOf('directive', value, signatureIn(last?.headers ?? [])),
    programKeyIds: await Promise.all(
      directive.programs.map((program) => keyIdOf('program', programPayload(agreement, program), program.signature)),
    ),
  };
}

const signingFile = (): string => join(fixture.directory, 'signing.json');
const newestKeyId = async (): Promise<string> => {
  const { keys } = JSON.parse(await readFile(join(fixture.directory, 'signing.public.json'), 'utf8')) as {
    keys: { kid: string }[];
  };
  return keys.at(-1)?.kid ?? '';
};
const reconcile = async (): Promise<Record<string, number>> =>
  (expectStatus(await fixture.call('POST', '/v1/reconciliation'), 200).body as { found: Record<string, number> }).found;
const move = ({ agreement, publisher }: Feed, to: 'suspend' | 'resume') =>
  fixture.call('POST', `/v1/agreements/${agreement}/${to}`, { as: publisher });

describe('a directive', () => {
  test('is signed, and so is each Program of it, by the newest key; nothing private is shown anywhere', async () => {
    const feed = await makeFeed(fixture.call);
    const newest = await newestKeyId();
    expect(await published(feed.agreement)).toMatchObject({ keyId: newest, programKeyIds: [newest] });
    const own = JSON.parse(await readFile(signingFile(), 'utf8')) as { keys: { d?: string }[] };
    const secret = own.keys.at(-1)?.d ?? 'none';
    expect(fixture.logged()).not.toContain(secret);
    const rows = await fixture.query('SELECT row_to_json(one)::text AS text FROM agreement_program AS one');
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test.each([
    [
      'its module was changed in the database',
      `UPDATE program SET module = module || '\\x00' WHERE hash = (SELECT program_hash FROM agreement_program WHERE agreement = $1)`,
      `UPDATE program SET module = substring(module FOR length(module) - 1)
        WHERE hash = (SELECT program_hash FROM agreement_program WHERE agreement = $1)`,
      'program-mismatch',
    ],
    [
      'nobody signed its Program',
      `UPDATE agreement_program SET signature = 'none' WHERE agreement = $1`,
      null,
      'signature-invalid',
    ],
    [
      'its governed schema was changed in the database',
      `WITH made AS (INSERT INTO program_schema VALUES ('other', '"string"') ON CONFLICT DO NOTHING)
        UPDATE agreement_program SET governed_schema = 'other' WHERE agreement = $1`,
      null,
      'signature-invalid',
    ],
    [
      'its Program was approved for another agreement',
      `UPDATE agreement_program SET signature = (SELECT signature FROM agreement_program WHERE agreement <> $1 LIMIT 1) WHERE agreement = $1`,
      null,
      'signature-invalid',
    ],
  ])('does not start when %s, and who asked is told; what stops is said all the same', async (_, change, undo, code) => {
    const [feed] = [await makeFeed(fixture.call), await makeFeed(fixture.call)];
    await fixture.query(change, [feed.agreement]);
    expectStatus(await move(feed, 'suspend'), 200);
    const stopped = await published(feed.agreement);
    expect(stopped.directive).toMatchObject({ state: 'suspended', programs: [] });
    expect(stopped.keyId).toBe(await newestKeyId());
    expect(await move(feed, 'resume')).toMatchObject({ status: 409, body: { code } });
    expect((await published(feed.agreement)).directive).toMatchObject({
      state: 'suspended',
      revision: stopped.directive.revision,
    });
    if (undo !== null) await fixture.query(undo, [feed.agreement]);
    else
      await fixture.query(`UPDATE agreement SET state = 'terminated', published_revision = revision WHERE id = $1`, [
        feed.agreement,
      ]);
  });
});

test('one agreement whose Program was changed keeps no other from being published, and is named', async () => {
  const [changed, other] = [await makeFeed(fixture.call), await makeFeed(fixture.call)];
  await fixture.query(`UPDATE agreement_program SET signature = 'none' WHERE agreement = $1`, [changed.agreement]);
  for (const { agreement } of [changed, other])
    await fixture.query('UPDATE agreement SET revision = revision + 1 WHERE id = $1', [agreement]);
  const before = (await published(changed.agreement)).directive.revision;
  const answer = expectStatus(await fixture.call('POST', '/v1/reconciliation'), 200).body as { reported: string[] };
  expect(answer.reported.filter((sentence) => sentence.includes(changed.agreement))).toEqual([
    expect.stringContaining('the signature is none of a program'),
  ]);
  expect((await published(changed.agreement)).directive.revision).toBe(before);
  expect((await published(other.agreement)).directive.revision).toBe(before + 1);
  // So does a control plane that starts.
  await fixture.addInstance();
  await fixture.query(`UPDATE agreement SET state = 'terminated', published_revision = revision WHERE id = $1`, [
    changed.agreement,
  ]);
});

describe('after a rotation', () => {
  test('the next reconciliation signs everything anew, and then the earlier key can be retired', async () => {
    const feeds = [await makeFeed(fixture.call), await makeFeed(fixture.call)];
    const held = await makeFeed(fixture.call);
    expectStatus(await move(held, 'suspend'), 200);
    const before = await newestKeyId();
    unwrap(await rotateSigningKey(signingFile()));
    const newest = await newestKeyId();
    expect(newest).not.toBe(before);
    expect((await reconcile())['directives']).toBeGreaterThanOrEqual(2);
    for (const { agreement } of feeds)
      expect(await published(agreement)).toMatchObject({ keyId: newest, programKeyIds: [newest] });
    expect((await reconcile())['directives'] ?? 0).toBe(0);
    unwrap(await retireSigningKeys(signingFile()));
    for (const { agreement } of feeds)
      expect(await published(agreement)).toMatchObject({ keyId: newest, programKeyIds: [newest] });
    // The Program of one that stood still was signed anew as well.
    expectStatus(await move(held, 'resume'), 200);
    expect(await published(held.agreement)).toMatchObject({ keyId: newest, programKeyIds: [newest] });
    const later = await makeFeed(fixture.call);
    expect(await eventually(async () => ((await published(later.agreement)).keyId === newest ? true : null))).toBe(true);
  });
});
