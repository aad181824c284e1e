/** The snippets that come with a credential: run as they are, or at least compiled. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';

import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { topicNames } from '../../libs/base/index.ts';
import type { Link } from '../link/start.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { issueCredential, makeFeed, startFixture } from './control-plane-fixture.ts';
import { governedWriter, linkOf } from './reading-fixture.ts';

let fixture: Fixture;
let link: Link;

beforeAll(async () => {
  fixture = await startFixture();
  link = await linkOf(fixture);
  fixture.streamsUrl = link.address;
});

afterAll(async () => {
  await link.stop();
  await fixture.close();
});

const topicOf = ({ dataset, agreement }: Feed): string => topicNames.governed(dataset, agreement);

describe('the snippets', () => {
  let snippets: Record<'java' | 'python' | 'node' | 'kcat' | 'curl', string>;
  let credential: Account;
  let registryUrl: string;
  let feed: Feed;

  beforeAll(async () => {
    feed = await makeFeed(fixture.call);
    const writer = await governedWriter(fixture, feed);
    await writer.write(3);
    await writer.close();
    const issued = await issueCredential(fixture.call, feed);
    credential = issued;
    snippets = issued.body.snippets;
    registryUrl = issued.body.registryUrl;
  });

  test('hold the real values, and read what is committed alone', () => {
    for (const [name, text] of Object.entries(snippets)) {
      expect(text).toContain(credential.name);
      expect(text).toContain(credential.secret);
      expect(text).toMatch(/read_committed|NDJSON|x-ndjson/);
      expect(text).not.toMatch(/<[a-z-]+>|\.\.\.\s*$/);
      if (name !== 'curl') expect(text).toContain(topicOf(feed));
    }
  });

  test('name a registry that an ordinary client of it reads with the credential, and with no other password', async () => {
    const { body } = await fixture.call('GET', `/v1/agreements/${feed.agreement}`);
    const id: number = body.programs[0].governedSchemaId;
    const { name: username, secret: password } = credential;
    const registry = new SchemaRegistry({ host: registryUrl, auth: { username, password } });
    expect(JSON.stringify(await registry.getSchema(id))).toContain('"phone"');
    const stranger = new SchemaRegistry({ host: registryUrl, auth: { username, password: 'wrong' } }, {});
    await expect(stranger.getSchema(id)).rejects.toThrow();
  });

  test('for curl prints the records', async () => {
    const { stdout } = await promisify(execFile)('sh', ['-c', snippets.curl]);
    const lines = stdout.split('\n').filter((line) => line !== '');
    expect(lines.map((line) => JSON.parse(line).data.cost)).toEqual([0, 1, 2]);
  });

  test('for Node prints the records', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-snippet-'));
    await symlink(join(repositoryRoot(), 'node_modules'), join(directory, 'node_modules'));
    await writeFile(join(directory, 'read.mjs'), snippets.node);
    const reading = spawn(process.execPath, ['read.mjs'], {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(reading, 'exit');
    const said: string[] = [];
    reading.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    void ended.then(() => reading.stdout.destroy());
    try {
      const costs: unknown[] = [];
      for await (const line of createInterface({ input: reading.stdout })) {
        if (line.includes('"cost"')) costs.push(JSON.parse(line).cost);
        if (costs.length === 3) break;
      }
      if (costs.length < 3) throw new Error(`the snippet ended: ${said.join('')}`);
      expect(costs).toEqual([0, 1, 2]);
    } finally {
      reading.kill('SIGKILL');
      await ended;
      await rm(directory, { recursive: true, force: true });
    }
  }, 60_000);

  test('for Python compiles, where there is Python', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-snippet-'));
    const file = join(directory, 'read.py');
    await writeFile(file, snippets.python);
    const compiled = await promisify(execFile)('python3', ['-m', 'py_compile', file]).then(
      () => 'compiles',
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? 'compiles' : error.message),
    );
    expect(compiled).toBe('compiles');
    await rm(directory, { recursive: true, force: true });
  });
});
