/** A directory of YAML against a real control plane. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import type { Result } from '../../libs/base/index.ts';
import { uniqueId } from '../../libs/testkit/index.ts';
import { baselineOf, maskedPhone, offerOf, rightOf, rulesWith } from '../control-plane/catalog-fixture.ts';
import type { Fixture } from '../control-plane/control-plane-fixture.ts';
import { datasetBody, startFixture, visitSchema } from '../control-plane/control-plane-fixture.ts';
import { apply } from './commands/apply.ts';

let fixture: Fixture;
let address: string;
let directory: string;
let lines: string[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  ({ address } = await fixture.addInstance());
});
afterAll(() => fixture.close());
beforeEach(async () => {
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-apply-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const run = (...more: string[]): Promise<Result<void>> => {
  lines = [];
  return apply.run(
    ['-f', directory, '--api', address, '--account', fixture.operator.name, '--secret', fixture.operator.secret, ...more],
    { write: (line) => void lines.push(line), stopped: new AbortController().signal },
  );
};

interface Names {
  readonly publisher: string;
  readonly dataset: string;
  readonly offer: string;
}

const names = (): Names => ({ publisher: uniqueId('publisher'), dataset: uniqueId('visits'), offer: uniqueId('offer') });

/** A publisher with a dataset, its rights, a baseline and an offer, over three files and a schema of its own. */
async function writeAll(
  { publisher, dataset, offer }: Names,
  change: { title?: string; withdrawn?: boolean; state?: string } = {},
): Promise<void> {
  const feed = {
    dataset,
    publisher: { name: publisher, secret: '' },
    agreement: '',
    subscriber: { name: '', secret: '' },
    policy: {},
  };
  const { schema: _, publisher: __, ...spec } = datasetBody(publisher, { level: 'L2' });
  const documents = (...values: unknown[]): string => values.map((value) => stringify(value)).join('---\n');
  await mkdir(path.join(directory, 'datasets'), { recursive: true });
  await writeFile(
    path.join(directory, 'parties.yaml'),
    documents({
      kind: 'Participant',
      id: publisher,
      state: change.state ?? 'active',
      spec: { name: '卫健局', roles: ['publisher'], sector: 'Q' },
    }),
  );
  await writeFile(path.join(directory, 'datasets', 'visits.avsc'), JSON.stringify(visitSchema()));
  await writeFile(
    path.join(directory, 'datasets', 'visits.yml'),
    documents(
      {
        kind: 'Dataset',
        id: dataset,
        schemaFile: 'visits.avsc',
        spec: { ...spec, publisher, title: { zh: change.title ?? '就诊', en: 'Visits' } },
      },
      ...['holder', 'processor', 'operator'].map((right) => ({ kind: 'Right', dataset, right, spec: rightOf(publisher) })),
    ),
  );
  await writeFile(
    path.join(directory, 'policies.yaml'),
    documents(
      {
        kind: 'Offer',
        id: offer,
        withdrawn: change.withdrawn ?? false,
        policy: offerOf(feed, offer, { stages: rulesWith(maskedPhone) }),
      },
      { kind: 'Baseline', dataset, policy: baselineOf(feed) },
    ),
  );
}

describe('sluice apply', () => {
  test('shows and does what a directory says, and does nothing the second time', async () => {
    const all = names();
    await writeAll(all);
    expect(await run('--plan', 'yes')).toEqual({ ok: true, value: undefined });
    expect(lines.at(-1)).toBe('7 to add, 0 to change, 0 to cut, 0 as they should be.');
    expect((await fixture.call('GET', `/v1/datasets/${all.dataset}`)).status).toBe(404);

    expect(await run()).toEqual({ ok: true, value: undefined });
    expect(lines.slice(0, 2)).toEqual([`+ Participant ${all.publisher}`, `+ Dataset ${all.dataset}`]);
    expect((await fixture.call('GET', `/v1/offers/${all.offer}`)).body.version).toBe(1);

    expect(await run()).toEqual({ ok: true, value: undefined });
    expect(lines).toEqual(['0 to add, 0 to change, 0 to cut, 7 as they should be.']);
    expect((await fixture.call('GET', `/v1/offers/${all.offer}`)).body.version).toBe(1);
  });

  test('says which members change and what is cut', async () => {
    const all = names();
    await writeAll(all);
    await run();
    await writeAll(all, { title: '门诊', withdrawn: true, state: 'suspended' });
    expect(await run()).toEqual({ ok: true, value: undefined });
    expect(lines.slice(0, 4)).toEqual([
      `- Participant ${all.publisher}: state`,
      `~ Dataset ${all.dataset}: title`,
      `- Offer ${all.offer}: withdrawn`,
      '0 to add, 1 to change, 2 to cut, 4 as they should be.',
    ]);
    expect((await fixture.call('GET', `/v1/participants/${all.publisher}`)).body.state).toBe('suspended');
    expect((await fixture.call('GET', `/v1/datasets/${all.dataset}`)).body.title.zh).toBe('门诊');
    await run();
    expect(lines).toEqual(['0 to add, 0 to change, 0 to cut, 7 as they should be.']);
  });

  test('goes on after a failure where it stopped', async () => {
    const all = names();
    await writeAll(all);
    await writeFile(
      path.join(directory, 'policies.yaml'),
      stringify({ kind: 'Offer', id: all.offer, policy: { '@type': 'Offer', uid: all.offer } }),
    );
    const failed = await run();
    expect(failed).toMatchObject({
      ok: false,
      failure: { message: expect.stringMatching(/^5 of 6 steps are done; applying Offer/) },
    });
    await writeAll(all);
    await run();
    expect(lines.at(-3)).toBe('2 to add, 0 to change, 0 to cut, 5 as they should be.');
  });

  test.each([
    ['it is not YAML', 'a: [', /policies\.yaml/],
    ['an unknown kind', stringify({ kind: 'Secret', id: 'a' }), /document 1: \/kind/],
    ['an unknown member', stringify({ kind: 'Offer', id: 'a', policy: {}, colour: 'red' }), /colour/],
    ['an id that is none', stringify({ kind: 'Offer', id: '../a', policy: {} }), /\/id/],
    [
      'one thing twice',
      ['a', 'a'].map((id) => stringify({ kind: 'Offer', id, policy: {} })).join('---\n'),
      /Offer a is described twice/,
    ],
    [
      'aliases that multiply',
      `a: &a [1,1]\n${Array.from({ length: 40 }, (_, n) => `b${n}: &b${n} [*${n === 0 ? 'a' : `b${n - 1}`},*${n === 0 ? 'a' : `b${n - 1}`}]`).join('\n')}`,
      /cannot be read/,
    ],
    ['nothing', '', /there is no YAML document/],
  ])('refuses %s before anything is done', async (_, text, expected) => {
    await writeFile(path.join(directory, 'policies.yaml'), text);
    const refused = await run();
    expect(refused.ok).toBe(false);
    expect(refused.ok ? '' : refused.failure.message).toMatch(expected);
    expect(lines).toEqual([]);
  });

  test('says when the account or the address is wrong, and what is missing on the command line', async () => {
    await writeAll(names());
    const terminal = { write: () => undefined, stopped: new AbortController().signal };
    const wrong = await apply.run(
      ['-f', directory, '--api', address, '--account', 'admin', '--secret', 'not-the-right-one'],
      terminal,
    );
    expect(wrong).toMatchObject({ ok: false, failure: { code: 'unauthenticated' } });
    const nowhere = await apply.run(
      ['-f', directory, '--api', 'http://127.0.0.1:9', '--account', 'a', '--secret', 'b'],
      terminal,
    );
    expect(nowhere).toMatchObject({ ok: false, failure: { code: 'delivery-failed' } });
    expect(await apply.run(['-f', directory], terminal)).toMatchObject({ ok: false, failure: { code: 'request-invalid' } });
  });
});
