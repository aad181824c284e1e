import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { unwrap } from '../../../libs/base/index.ts';
import { readReplayOptions } from './replay-options.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-replay-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

const least = [
  '--dataset',
  'visits',
  '--agreement',
  'study',
  '--brokers',
  '127.0.0.1:1,127.0.0.1:2',
  '--account',
  'plane',
].concat(['--registry', 'http://127.0.0.1:1/registry', '--kms-key-file', 'master.key']);
const secret = ['--secret', 'the-secret'];

describe('the options of a redrive', () => {
  test('are a preview of everything at 100 records a second unless they say more', async () => {
    const { request, kafka } = unwrap(await readReplayOptions([...least, ...secret]));
    expect(request).toEqual({
      id: expect.stringMatching(/^replay-[0-9a-f]{16}$/),
      dataset: 'visits',
      agreement: 'study',
      selection: {},
      rate: 100,
      run: false,
    });
    expect(kafka).toMatchObject({ brokers: ['127.0.0.1:1', '127.0.0.1:2'], sasl: { username: 'plane', password: 'the-secret' } });
  });

  test('select by every part', async () => {
    const parts = [
      '--reason',
      'value-unfit,key-unfit',
      '--field',
      '/id',
      '--partition',
      '3',
      '--offsets',
      '10..20',
      '--attempt',
      '2',
    ];
    const times = ['--refused', '2026-11-01T08:00:00Z..'];
    const { request } = unwrap(await readReplayOptions([...least, ...secret, ...parts, ...times, '--run', '--rate', '5']));
    expect(request.selection).toEqual({
      reasons: ['value-unfit', 'key-unfit'],
      field: '/id',
      partition: 3,
      offsetFrom: 10n,
      offsetTo: 20n,
      attempt: 2,
      refusedFromMs: Date.UTC(2026, 10, 1, 8),
    });
    expect(request).toMatchObject({ run: true, rate: 5 });
  });

  test.each([
    [[], '--dataset, --agreement, --brokers, --account, --registry'],
    [least.slice(0, -2).concat(secret), '--kms-key-file, or --vault-address'],
    [least.slice(0, -2).concat(secret, '--vault-address', 'https://v'), '--vault-token-file'],
    [least, '--secret or --secret-file'],
    [[...least, ...secret, '--rate', '0'], '--rate'],
    [[...least, ...secret, '--reason', 'bad-luck'], 'bad-luck'],
    [[...least, ...secret, '--offsets', '5'], '--offsets'],
    [[...least, ...secret, '--refused', 'yesterday..'], '--refused'],
    [[...least, ...secret, '--refused', '2026-11-01'], '--refused'],
    [[...least, ...secret, '--partition', 'one'], '--partition'],
    [[...least, ...secret, '--id', 'Not An Id'], '--id'],
    [[...least, ...secret, '--registry-account', 'a'], '--registry-secret-file'],
    [[...least, ...secret, '--runn'], '--runn'],
  ])('%j are wrong, and it is said why', async (args, says) => {
    expect(await readReplayOptions(args)).toMatchObject({
      ok: false,
      failure: { code: 'request-invalid', message: expect.stringContaining(says) },
    });
  });

  test('take a private key as bytes or as text, from a file that its owner alone may read', async () => {
    const key = Buffer.alloc(32, 7);
    const file = async (name: string, content: string | Uint8Array, mode = 0o600): Promise<string[]> => {
      const at = path.join(directory, name);
      await writeFile(at, content);
      await chmod(at, mode);
      return [...least, ...secret, '--key-file', at];
    };
    for (const args of [await file('bytes', key), await file('text', `${key.toString('base64url')}\n`)])
      expect(Buffer.from(unwrap(await readReplayOptions(args)).request.privateKey ?? [])).toEqual(key);
    const link = path.join(directory, 'link');
    await symlink(path.join(directory, 'bytes'), link);
    for (const [args, code] of [
      [await file('shared', key, 0o640), 'config-invalid'],
      [await file('short', key.subarray(1)), 'config-invalid'],
      [[...least, ...secret, '--key-file', link], 'not-found'],
      [[...least, ...secret, '--key-file', path.join(directory, 'nowhere')], 'not-found'],
    ] as const)
      expect(await readReplayOptions(args)).toMatchObject({ ok: false, failure: { code } });
  });
});
