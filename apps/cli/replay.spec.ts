/** `replay` and `resume` as an operator runs them, against a data plane on a real broker. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LocalFileVault } from '../../libs/adapters/kms/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { unwrap } from '../../libs/base/index.ts';
import type { Directive } from '../../libs/catalog/index.ts';
import { testKafka, testSignerKeys } from '../../libs/testkit/index.ts';
import { programOf } from '../data-plane/plane-fixture.ts';
import { canary, range, ReplayFixture, unfit } from '../data-plane/replay/replay-fixture.ts';
import type { Command } from './command.ts';
import { replayWith } from './commands/replay.ts';
import { resume } from './commands/resume.ts';

/** The data plane as it was built for this run of the tests. */
const replay = replayWith(path.resolve('dist/apps/data-plane/main.js'));

let fixture: ReplayFixture;
let directory: string;
let broker: string[];

beforeAll(async () => {
  fixture = await ReplayFixture.open();
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-cli-replay-'));
  const { brokers, username, password } = testKafka();
  await writeFile(path.join(directory, 'account.secret'), `${password}\n`);
  broker = ['--brokers', brokers.join(','), '--account', username, '--secret-file', path.join(directory, 'account.secret')];
}, 60_000);

afterAll(async () => {
  await fixture?.plane.close();
  await rm(directory, { recursive: true });
}, 60_000);

async function run(command: Command, ...args: string[]): Promise<{ lines: string[]; ended: Result<void> }> {
  const lines: string[] = [];
  const ended = await command.run(args, { write: (line) => void lines.push(line), stopped: new AbortController().signal });
  return { lines, ended };
}

describe('replay', () => {
  test('previews, then redrives in a process of its own, and prints a JSON object a record and one at the end', async () => {
    const vault = unwrap(await LocalFileVault.open(path.join(directory, 'master.key')));
    const signerKeys = path.join(directory, 'trusted.json');
    await writeFile(signerKeys, testSignerKeys());
    await fixture.plane.start({ vault });
    let more: Partial<Directive> = {};
    const feed = await fixture.refused(
      range(0, 3).map((number) => unfit(number)),
      async (agreement) => (more = { dataKey: unwrap(await vault.wrap(randomBytes(32), `agreement/${agreement}`)) }),
    );
    await fixture.improve(feed, { ...more, revision: 2 });
    const service = [
      '--registry',
      'http://127.0.0.1:1/registry',
      '--kms-key-file',
      path.join(directory, 'master.key'),
      '--signer-keys-file',
      signerKeys,
    ];
    const options = ['--dataset', feed.dataset, '--agreement', feed.agreement, ...broker, ...service];
    const preview = await run(replay, ...options);
    expect(preview.ended).toEqual({ ok: true, value: undefined });
    expect(preview.lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ selected: 3, delivered: 3, preview: expect.objectContaining({ rows: [expect.anything()] }) }),
    ]);
    const { lines } = await run(replay, ...options, '--run', '--offsets', '1..');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { partition: 0, offset: '1', outcome: 'delivered', why: null },
      { partition: 0, offset: '2', outcome: 'delivered', why: null },
      expect.objectContaining({ selected: 2, delivered: 2, left: 0 }),
    ]);
    expect(await fixture.numbers(feed, 2)).toEqual([1, 2]);
    expect(lines.join('\n')).not.toContain(canary);
    const unknown = await run(replay, ...options.with(3, 'nobody'));
    expect(unknown.ended).toMatchObject({
      ok: false,
      failure: { code: 'service-failed', message: expect.stringContaining('no started agreement nobody') },
    });
  }, 90_000);

  test('says what is wrong with its options, and makes no master key', async () => {
    const wrong = await run(replay, '--dataset', 'visits');
    expect(wrong.ended).toMatchObject({
      ok: false,
      failure: { code: 'request-invalid', message: expect.stringContaining('missing --agreement') },
    });
    const nowhere = path.join(directory, 'no.key');
    const options = [
      '--dataset',
      'a',
      '--agreement',
      'b',
      ...broker,
      '--registry',
      'http://127.0.0.1:1',
      '--kms-key-file',
      nowhere,
    ];
    for (const _ of [1, 2])
      expect((await run(replay, ...options)).ended).toMatchObject({
        ok: false,
        failure: { message: expect.stringContaining('cannot be read') },
      });
  }, 60_000);

  test('says that it could not be started', async () => {
    const { ended } = await run(replayWith(path.join(directory, 'nothing.js')));
    expect(ended).toMatchObject({
      ok: false,
      failure: { code: 'service-failed', message: expect.stringContaining('nothing.js') },
    });
  }, 60_000);
});

describe('resume', () => {
  test('lets a partition go on that waits behind a gap, and says at which offset', async () => {
    const plane = fixture.plane;
    const [dataset, agreement] = (await plane.dataset(1, 1)) as [string, string];
    const tokens = programOf('tokens');
    const instance = `resume-${randomBytes(4).toString('hex')}`;
    const before = await plane.start({ instance });
    await plane.direct(dataset, agreement, tokens);
    await plane.numbers(dataset, 0, 0, 10);
    await plane.governed(dataset, agreement, tokens, 10);
    await before.stop();
    await plane.numbers(dataset, 0, 10, 10);
    await plane.truncate(dataset, 0, 16n);
    const after = await plane.start({ instance });
    expect(await plane.until(() => plane.failures.some(({ message }) => message.includes(`raw.${dataset} waits`)))).toBe(true);
    const early = await run(resume, dataset, '0', ...broker, '--at', '3');
    expect(early.ended).toMatchObject({ ok: false, failure: { code: 'offset-out-of-range' } });
    const { lines, ended } = await run(resume, dataset, '0', ...broker);
    expect(ended.ok).toBe(true);
    expect(lines).toEqual([
      expect.stringMatching(
        /^Command resume-[0-9a-f]{16} is written: .* goes on at the earliest offset, 16 now, if it waits; it stands at \d+,/,
      ),
    ]);
    await plane.numbers(dataset, 0, 20, 1);
    const numbers = (await plane.governed(dataset, agreement, tokens, 15)).map(({ number }) => number);
    expect(numbers.at(-1)).toBe(20);
    await after.stop();
  }, 90_000);

  test('refuses what is no partition, no dataset and no offset', async () => {
    const [dataset] = await fixture.plane.dataset(1, 1);
    for (const [args, code] of [
      [['Not a dataset', '0'], 'request-invalid'],
      [[dataset, 'one'], 'request-invalid'],
      [[dataset, '0', '--at', 'later'], 'request-invalid'],
      [[dataset, '7'], 'not-found'],
      [['no-such-dataset', '0'], 'not-found'],
    ] as const)
      expect((await run(resume, ...args, ...broker)).ended).toMatchObject({ ok: false, failure: { code } });
    expect((await run(resume, dataset, '0')).ended).toMatchObject({ failure: { message: expect.stringContaining('--brokers') } });
  }, 60_000);
});
