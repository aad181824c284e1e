/** The data plane and link as processes whose broker comes later than they do, refuses them, or does not come at all. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Cluster, DirectiveLog, KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import { openSigner } from '../../libs/adapters/kms/index.ts';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import type { TestBrokers } from '../../libs/testkit/index.ts';
import { startTestBrokers } from '../../libs/testkit/index.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'sluice-late-'));
const keyFile = path.join(directory, 'master.key');
let brokers: TestBrokers;
let children: Role[] = [];

class Role {
  readonly #child: ChildProcess;
  readonly #address: string;
  readonly ended: Promise<number | null>;
  log = '';

  private constructor(app: 'data-plane' | 'link', port: number, own: Readonly<Record<string, string>>) {
    this.#address = `http://127.0.0.1:${port}`;
    const { username, password, addresses } = brokers;
    const { PATH = '' } = process.env;
    this.#child = spawn(process.execPath, [path.join(repositoryRoot(), 'dist', 'apps', app, 'main.js')], {
      env: {
        PATH,
        SLUICE_KAFKA_BROKERS: addresses.join(','),
        SLUICE_KAFKA_USERNAME: username,
        SLUICE_KAFKA_PASSWORD: password,
        SLUICE_KMS_KEY_FILE: keyFile,
        ...(app === 'link'
          ? { SLUICE_LINK_PORT: String(port) }
          : { SLUICE_HEALTH_PORT: String(port), SLUICE_REGISTRY_URL: 'http://127.0.0.1:1/registry' }),
        ...own,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.log += chunk.toString('utf8')));
    this.ended = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
    children.push(this);
  }

  static async start(app: 'data-plane' | 'link', own: Readonly<Record<string, string>> = {}): Promise<Role> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return new Role(app, port, own);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The lines that it wrote so far and that have this text. */
  lines(text: string): string[] {
    return this.log.split('\n').filter((line) => line.includes(text));
  }

  /** What a path of its HTTP side answers; undefined while nothing listens. */
  async ask(route: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
    const response = await fetch(this.#address + route).catch(() => undefined);
    return response === undefined ? undefined : { status: response.status, body: await response.text() };
  }
}

async function until(role: Role, so: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 40_000; !(await so()); await sleep(50))
    if (Date.now() > deadline) throw new Error(`it did not come to be so: ${role.log}`);
}

beforeAll(async () => {
  brokers = await startTestBrokers({ directory: path.join(directory, 'brokers'), count: 1, proxyPorts: [1] });
  const { username, password, addresses } = brokers;
  const cluster = unwrap(await Cluster.open({ brokers: addresses, clientId: 'late-test', sasl: { username, password } }));
  const { signer } = unwrap(await openSigner({ keyFile }));
  await unwrap(await DirectiveLog.open(cluster, signer, 'late-test')).close();
  unwrap(await new KafkaAdmin(cluster).createTopics([{ name: topicNames.positions, partitions: 1 }]));
  await cluster.close();
}, 60_000);

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map(({ ended }) => ended));
  children = [];
});

afterAll(async () => {
  await brokers.stop();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

test('both wait for a broker that is not there, say so, and go on when it comes; a signal ends the waiting at once', async () => {
  await brokers.nodes[0]?.kill();
  const [plane, link] = [await Role.start('data-plane'), await Role.start('link')];
  for (const role of [plane, link]) {
    await until(role, async () => (await role.ask('/health'))?.status === 200);
    const ready = await role.ask('/ready');
    expect(ready?.status).toBe(503);
    expect(JSON.parse(ready?.body ?? '')).toMatchObject({
      status: 'not ready',
      reasons: [{ reason: 'not-started', detail: expect.stringMatching(/connecting to Kafka at .*: no broker answered$/) }],
    });
    expect((await role.ask('/status'))?.status).toBe(200);
  }
  const impatient = [await Role.start('data-plane', { SLUICE_INSTANCE: 'impatient' }), await Role.start('link')];
  for (const role of impatient) {
    await until(role, async () => (await role.ask('/ready'))?.status === 503);
    role.kill('SIGTERM');
    expect(await role.ended).toBe(0);
  }
  await brokers.nodes[0]?.start();
  for (const role of [plane, link]) {
    await until(role, async () => (await role.ask('/ready'))?.status === 200);
    role.kill('SIGTERM');
    expect(await role.ended).toBe(0);
  }
  expect(plane.lines('The data plane has started')).toHaveLength(1);
  // Each tried many times.
  expect(plane.lines('no broker answered')).toHaveLength(1);
  expect(link.lines('no broker answered')).toHaveLength(1);
}, 120_000);

test('both end at once with one sentence when the broker refuses their credentials', async () => {
  for (const app of ['data-plane', 'link'] as const) {
    const role = await Role.start(app, { SLUICE_KAFKA_PASSWORD: 'not-the-password' });
    expect(await role.ended).toBe(1);
    const sentences = role.lines('the credentials were refused');
    expect([role.log.trim().split('\n').at(-1)]).toEqual(sentences);
    expect(role.log).not.toContain('not-the-password');
  }
}, 60_000);
