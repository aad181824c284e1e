/** The first start's password, a new one in its place, and the search for every secret of identity wherever it should not be. */
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { keptPostgresUrl, repositoryRoot, wipePostgres } from '../../libs/adapters/local/index.ts';
import type { OtlpReceiver } from './otlp-receiver.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';
import type { RunningSluice } from './running-sluice.ts';
import { startSluice } from './running-sluice.ts';

let sluice: RunningSluice;
let otlp: OtlpReceiver;
/** The password that the first start showed. */
let password: string;
/** Every answer of the API but those that show a new key. */
const answers: string[] = [];

beforeAll(async () => {
  otlp = await startOtlpReceiver();
  sluice = await startSluice({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.endpoint } });
  password = /operator {2}admin, password (\S+) {2}\(shown this once/.exec(sluice.written().toString())?.[1] ?? '';
}, 150_000);

afterAll(async () => {
  await sluice.stop();
  await otlp.stop();
  wipePostgres(path.join(sluice.directory, 'postgres'));
  sluice.remove();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(
  authorization: string | null,
  method: string,
  place: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${sluice.address}${place}`, {
    method,
    headers: {
      ...(authorization === null ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

const basic = (name: string, secret: string): string => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;

async function note(...request: Parameters<typeof ask>): Promise<Answer> {
  const answer = await ask(...request);
  answers.push(answer.text);
  return answer;
}

/** What the command line says, and its exit code. */
function resetAdmin(): Promise<{ code: number | null; said: string }> {
  const { SLUICE_DATA_DIR: _, ...environment } = process.env;
  const child = spawn(process.execPath, [path.join(repositoryRoot(), 'dist', 'apps', 'cli', 'main.js'), 'reset-admin'], {
    env: { ...environment, NODE_OPTIONS: '', SLUICE_DATA_DIR: sluice.directory },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      said += part.toString();
    });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

const passwordIn = (said: string): string => /shown this once: (\S+)/.exec(said)?.[1] ?? '';

const mayAsk = async (secret: string): Promise<number> => (await ask(basic('admin', secret), 'GET', '/v1/participants')).status;

/** All rows of all tables as text. */
async function dump(): Promise<string> {
  const client = new pg.Client({ connectionString: keptPostgresUrl(path.join(sluice.directory, 'postgres')) ?? '' });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      texts.push(...rows.map(({ row }) => row));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

/** The forms in which a secret could be written. */
const formsOf = (secret: string): string[] => [
  secret,
  Buffer.from(secret).toString('hex'),
  encodeURIComponent(secret),
  ...[0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  }),
];

const found = (text: string, secrets: Readonly<Record<string, string>>): string[] =>
  Object.entries(secrets).flatMap(([name, secret]) => (formsOf(secret).some((form) => text.includes(form)) ? [name] : []));

describe('secrets of accounts', () => {
  test('are in no log, trace, answer or row, whatever was done with them', async () => {
    const secrets: Record<string, string> = {
      'secret of an account': 'an-account-secret~7Qx9',
      'changed secret of an account': 'a-changed-secret~4Wz2',
      'wrong secret': 'a-wrong-secret~8Kp3mm',
      'refused secret': 'a-refused-secret~5Rt6',
      'bearer token': 'ey-a-token-of-nobody.7Qx9.4Wz2',
      'password of admin': password,
      'own key': readFileSync(path.join(sluice.directory, 'keys', 'own-account.key'), 'utf8')
        .trim()
        .slice(-43),
    };
    const [first = '', changed = '', wrong = '', refused = '', token = ''] = Object.values(secrets);
    const admin = basic('admin', password);
    const account = (secret: unknown) => ({ participant: 'canary-party', secret });
    expect(
      (await note(admin, 'PUT', '/v1/participants/canary-party', { name: 'Canaries', roles: ['publisher', 'auditor'] })).status,
    ).toBe(200);
    expect((await note(admin, 'PUT', '/v1/accounts/canary-account', account(first))).status).toBe(200);
    expect((await note(admin, 'PUT', '/v1/accounts/canary-account', account(changed))).status).toBe(200);
    for (const body of [
      account(`${refused}\u0001`),
      account([refused]),
      { ...account(refused), more: refused },
      `{"secret":"${refused}`,
    ])
      expect((await note(admin, 'PUT', '/v1/accounts/canary-account', body)).status).toBe(400);
    for (const header of [
      basic('canary-account', wrong),
      basic(wrong, wrong),
      `Bearer ${token}`,
      `Bearer slk_0123456789abcdef_${wrong}`,
      wrong,
    ])
      expect((await note(header, 'GET', '/v1/datasets')).status).toBe(401);
    expect((await note(null, 'GET', `/v1/datasets?secret=${wrong}`)).status).toBe(401);

    const own = basic('canary-account', changed);
    const wanted = { name: 'canary', scopes: ['admin'], expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
    for (const retry of [1, 2]) {
      const made = await ask(own, 'POST', '/v1/api-keys', wanted, { 'idempotency-key': 'the-same' });
      expect([retry, made.status]).toEqual([retry, 201]);
      secrets['an API key'] = String((JSON.parse(made.text) as { key: string }).key);
    }
    const key = `Bearer ${secrets['an API key']}`;
    for (const place of [
      '/v1/accounts',
      '/v1/accounts/canary-account',
      '/v1/participants',
      '/v1/api-keys',
      '/v1/events',
      '/v1/audit',
    ])
      for (const as of [key, admin]) expect((await note(as, 'GET', place)).status).toBe(200);
    const { items } = JSON.parse((await note(own, 'GET', '/v1/api-keys')).text) as { items: { id: string; account: string }[] };
    const id = items.find((item) => item.account === 'canary-account')?.id ?? '';
    expect((await note(own, 'DELETE', `/v1/api-keys/${id}`)).status).toBe(204);
    expect((await note(key, 'GET', '/v1/accounts')).status).toBe(401);

    // The traces of what was done are sent within seconds; the search is worth something once some are there.
    const deadline = Date.now() + 30_000;
    while (otlp.received().length === 0 && Date.now() < deadline) await sleep(200);
    expect(otlp.received().length).toBeGreaterThan(0);
    const welcome = /.*shown this once.*/.exec(sluice.written().toString())?.[0] ?? '';
    const places = {
      'terminal and logs': sluice.written().toString().replace(welcome, ''),
      'traces and metrics': otlp.received().toString('latin1'),
      answers: answers.join('\n'),
      database: await dump(),
    };
    expect(answers.length).toBeGreaterThan(20);
    for (const [place, text] of Object.entries(places)) expect([place, found(text, secrets)]).toEqual([place, []]);
    // The search itself finds what is there.
    expect(found(`a ${first} b`, secrets)).toEqual(['secret of an account']);
    expect(found(Buffer.from(`x${token}y`).toString('base64'), secrets)).toEqual(['bearer token']);
    expect(found(welcome, secrets)).toEqual(['password of admin']);
  }, 120_000);

  test('that Sluice itself needs are in a file of its owner alone', () => {
    const file = path.join(sluice.directory, 'keys', 'own-account.key');
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });
});

describe('the password of admin', () => {
  test('is shown by the first start, once, and opens the door', async () => {
    expect(password).toMatch(/^[A-Za-z0-9_-]{24}$/);
    expect(sluice.written().toString().split(password)).toHaveLength(2);
    expect([await mayAsk(password), await mayAsk(`${password}x`)]).toEqual([200, 401]);
  });

  test('is made anew beside a running Sluice, which takes the old one no more', async () => {
    const { code, said } = await resetAdmin();
    const next = passwordIn(said);
    expect([code, await mayAsk(next), await mayAsk(password)]).toEqual([0, 200, 401]);
    password = next;
  }, 60_000);

  test('is made anew while Sluice does not run, and a later start shows none', async () => {
    expect(await sluice.stop()).toBe(0);
    const { code, said } = await resetAdmin();
    const next = passwordIn(said);
    expect([code, next.length]).toEqual([0, 24]);
    sluice = await startSluice({ directory: sluice.directory });
    const written = sluice.written().toString();
    expect(written).toContain('password set at the first start; `npm run sluice -- reset-admin` makes a new one');
    expect([await mayAsk(next), await mayAsk(password)]).toEqual([200, 401]);
    expect(written).not.toContain(next);
  }, 150_000);
});
