/** TLS and every SASL mechanism on a real broker that asks for authentication anew every three seconds: what works, for how long, and what is refused. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Result } from '../../base/index.ts';
import { topicNames, unwrap } from '../../base/index.ts';
import type { KafkaService } from '../local/index.ts';
import { choosePorts, kafkaJarsDirectory, startKafka } from '../local/index.ts';
import { BufferPool } from './buffer-pool.ts';
import { selfSigned } from './certificate-fixture.ts';
import type { KafkaOptions, SaslOptions } from './index.ts';
import { Cluster, KafkaAdmin, TopicReader, TransactionalProducer, waitForBroker } from './index.ts';
import { RecordConnection } from './record-connection.ts';
import { initProducerIdCall } from './transaction-calls.ts';

const lifetimeMs = 3_000;
const serverName = 'broker.test';
const audience = 'sluice-test';
const plainPassword = 'password-of-plain';
const identity = selfSigned(serverName);
const issuer = generateKeyPairSync('rsa', { modulusLength: 2048 });
const directory = mkdtempSync(path.join(tmpdir(), 'sluice-secured-'));

const kinds = ['tls', 'plain', 'scram', 'oauth'] as const;
type Kind = (typeof kinds)[number];

let broker: KafkaService;
let ports: Record<Kind, number>;

/** A token of the account `admin`, RFC 7515 and 7519. */
function tokenBy(key: typeof issuer.privateKey, claims: Readonly<Record<string, unknown>> = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ alg: 'RS256', typ: 'JWT', kid: 'one' });
  const body = part({ sub: 'admin', aud: audience, iat: now, exp: now + 600, scope: 'kafka', ...claims });
  return `${head}.${body}.${sign('sha256', Buffer.from(`${head}.${body}`), key).toString('base64url')}`;
}

const saslOf: Record<Kind, () => SaslOptions | undefined> = {
  tls: () => undefined,
  plain: () => ({ mechanism: 'PLAIN', username: 'admin', password: plainPassword }),
  scram: () => ({ mechanism: 'SCRAM-SHA-512', username: 'admin', password: broker.adminPassword }),
  oauth: () => ({ mechanism: 'OAUTHBEARER', token: () => Promise.resolve(tokenBy(issuer.privateKey)) }),
};

function optionsOf(kind: Kind, sasl = saslOf[kind]()): KafkaOptions {
  return {
    brokers: [`127.0.0.1:${ports[kind]}`],
    clientId: `secured-${kind}`,
    tls: { ca: identity.cert, serverName },
    ...(sasl === undefined ? {} : { sasl }),
  };
}

const connect = (kind: Kind, options: KafkaOptions): Promise<Result<RecordConnection>> =>
  RecordConnection.open({ host: '127.0.0.1', port: ports[kind] }, { ...options, pool: new BufferPool(4 * 1024 * 1024) });

beforeAll(async () => {
  const [keystore, keys] = [path.join(directory, 'server.pem'), path.join(directory, 'keys.json')];
  writeFileSync(keystore, identity.key + identity.cert, { mode: 0o600 });
  const key = { ...issuer.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' };
  writeFileSync(keys, JSON.stringify({ keys: [key] }));
  ports = unwrap(await choosePorts(path.join(directory, 'more-ports.json'), kinds, {}));
  const security = 'org.apache.kafka.common.security';
  const started = await startKafka({
    directory: path.join(directory, 'broker'),
    jarsDirectory: kafkaJarsDirectory(),
    besides: {
      listeners: {
        TLS: { port: ports.tls, protocol: 'SSL' },
        PLAIN: { port: ports.plain, protocol: 'SASL_SSL' },
        SCRAM: { port: ports.scram, protocol: 'SASL_SSL' },
        OAUTH: { port: ports.oauth, protocol: 'SASL_SSL' },
      },
      properties: {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': keystore,
        'super.users': 'User:admin;User:controller;User:ANONYMOUS',
        'listener.name.plain.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.plain.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required user_admin="${plainPassword}";`,
        'listener.name.plain.plain.connections.max.reauth.ms': String(lifetimeMs),
        'listener.name.scram.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'listener.name.scram.scram-sha-512.sasl.jaas.config': `${security}.scram.ScramLoginModule required;`,
        'listener.name.scram.scram-sha-512.connections.max.reauth.ms': String(lifetimeMs),
        'listener.name.oauth.sasl.enabled.mechanisms': 'OAUTHBEARER',
        'listener.name.oauth.oauthbearer.sasl.jaas.config': `${security}.oauthbearer.OAuthBearerLoginModule required;`,
        'listener.name.oauth.oauthbearer.sasl.server.callback.handler.class': `${security}.oauthbearer.OAuthBearerValidatorCallbackHandler`,
        'listener.name.oauth.oauthbearer.connections.max.reauth.ms': String(lifetimeMs),
        'listener.name.oauth.sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(keys).href,
        'listener.name.oauth.sasl.oauthbearer.expected.audience': audience,
      },
      system: { 'org.apache.kafka.sasl.oauthbearer.allowed.urls': pathToFileURL(keys).href },
    },
  });
  broker = unwrap(started);
}, 60_000);

afterAll(async () => {
  await broker?.stop();
  rmSync(directory, { recursive: true, force: true });
}, 40_000);

describe('what is taken', () => {
  /** Transactions, and reading them back, for longer than two authentications last. What was sent, and what was read. */
  async function work(kind: Kind): Promise<{ sent: string[]; read: string[] }> {
    const cluster = unwrap(await Cluster.open(optionsOf(kind)));
    const topic = topicNames.raw(`secured-${kind}`);
    unwrap(await new KafkaAdmin(cluster).createTopics([{ name: topic, partitions: 1 }]));
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: `secured-${kind}` }));
    const reader = unwrap(await TopicReader.open(cluster, { topic, from: 'earliest' }));
    const sent: string[] = [];
    const read: string[] = [];
    const poll = async (): Promise<void> => {
      for (const { value } of unwrap(await reader.poll(100))) read.push(Buffer.from(value ?? []).toString());
    };
    const deadline = Date.now() + 2.5 * lifetimeMs;
    while (Date.now() < deadline) {
      producer.begin();
      unwrap(await producer.send(topic, 0, [{ key: null, value: Buffer.from(`${kind} ${sent.length}`) }]));
      unwrap(await producer.commit());
      sent.push(`${kind} ${sent.length}`);
      // Over the connections for everything else.
      await cluster.refresh([topic]);
      await poll();
    }
    while (read.length < sent.length && Date.now() < deadline + 10_000) await poll();
    await producer.close();
    await reader.close();
    await cluster.close();
    return { sent, read };
  }

  test('transactions and fetches go on by TLS, PLAIN, SCRAM and OAUTHBEARER while authentications end', async () => {
    const done = await Promise.all(kinds.map(work));
    for (const { sent, read } of done) {
      expect(sent.length).toBeGreaterThan(5);
      expect(read).toEqual(sent);
    }
  }, 40_000);

  test('one connection outlives its authentications, each time with new proof', async () => {
    let tokens = 0;
    const token = (): Promise<string> => {
      tokens += 1;
      return Promise.resolve(tokenBy(issuer.privateKey));
    };
    const last = async (kind: Kind, sasl = saslOf[kind]()): Promise<void> => {
      const connection = unwrap(await connect(kind, optionsOf(kind, sasl)));
      for (const deadline = Date.now() + 2.5 * lifetimeMs; Date.now() < deadline; await sleep(100))
        unwrap(await connection.request(initProducerIdCall, { transactionalId: null, timeoutMs: 10_000 }));
      connection.close();
    };
    await Promise.all([last('plain'), last('scram'), last('oauth', { mechanism: 'OAUTHBEARER', token })]);
    expect(tokens).toBeGreaterThanOrEqual(3);
  }, 40_000);

  test('proof that is refused the second time ends the connection', async () => {
    const keys = [issuer.privateKey, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey];
    const token = (): Promise<string> => Promise.resolve(tokenBy(keys.shift() ?? issuer.privateKey));
    const connection = unwrap(await connect('oauth', optionsOf('oauth', { mechanism: 'OAUTHBEARER', token })));
    let answer: Result<unknown> = { ok: true, value: undefined };
    for (const deadline = Date.now() + 3 * lifetimeMs; answer.ok && Date.now() < deadline; await sleep(50))
      answer = await connection.request(initProducerIdCall, { transactionalId: null, timeoutMs: 10_000 });
    expect(answer).toMatchObject({
      ok: false,
      failure: { code: 'unauthenticated', message: 'authenticating again: the credentials were refused' },
    });
    expect(connection.usable).toBe(false);
  }, 30_000);
});

describe('what is refused', () => {
  const wrong: readonly [string, Kind, () => SaslOptions][] = [
    ['a wrong password by PLAIN', 'plain', () => ({ mechanism: 'PLAIN', username: 'admin', password: 'of-nobody' })],
    ['a wrong password by SCRAM', 'scram', () => ({ mechanism: 'SCRAM-SHA-512', username: 'admin', password: 'of-nobody' })],
    ['an unknown name by SCRAM', 'scram', () => ({ mechanism: 'SCRAM-SHA-512', username: 'nobody', password: 'of-nobody' })],
    ['a token by another key', 'oauth', () => tokenOf(tokenBy(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey))],
    ['a token that has ended', 'oauth', () => tokenOf(tokenBy(issuer.privateKey, { exp: Math.floor(Date.now() / 1000) - 90 }))],
    ['a token for others', 'oauth', () => tokenOf(tokenBy(issuer.privateKey, { aud: 'others' }))],
    ['a mechanism that the broker does not have there', 'plain', () => saslOf.scram() as SaslOptions],
  ];
  const tokenOf = (token: string): SaslOptions => ({ mechanism: 'OAUTHBEARER', token: () => Promise.resolve(token) });

  test.each(wrong)(
    '%s, on both kinds of connection, and no waiting mends it',
    async (_, kind, sasl) => {
      const options = optionsOf(kind, sasl());
      const refused = { ok: false, failure: { message: expect.stringMatching(/credentials were refused$|does not take/) } };
      const record = await connect(kind, options);
      expect(record).toMatchObject(refused);
      expect(record).toMatchObject({ failure: { code: 'unauthenticated' } });
      const waits: unknown[] = [];
      expect(
        await waitForBroker(
          () => Cluster.open(options),
          (failure) => waits.push(failure),
        ),
      ).toMatchObject(refused);
      expect(waits).toEqual([]);
      expect(JSON.stringify([record, waits])).not.toContain('of-nobody');
    },
    20_000,
  );

  const untrusted: readonly [string, Kind, Partial<KafkaOptions>, RegExp][] = [
    [
      'an authority that is not known',
      'tls',
      { tls: { ca: selfSigned(serverName).cert, serverName } },
      /\(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
    ],
    [
      'a certificate of another name',
      'tls',
      { tls: { ca: identity.cert, serverName: 'other.test' } },
      /\(ERR_TLS_CERT_ALTNAME_INVALID\)$/,
    ],
    ['a certificate that is not for the address', 'scram', { tls: { ca: identity.cert } }, /\(ERR_TLS_CERT_ALTNAME_INVALID\)$/],
  ];

  test.each(untrusted)(
    '%s, on both kinds of connection, and no waiting mends it',
    async (_, kind, own, why) => {
      const options = { ...optionsOf(kind), ...own };
      const refused = { ok: false, failure: { code: 'broker-unreachable', at: 'tls', message: expect.stringMatching(why) } };
      expect(await connect(kind, options)).toMatchObject(refused);
      const waits: unknown[] = [];
      expect(
        await waitForBroker(
          () => Cluster.open(options),
          (failure) => waits.push(failure),
        ),
      ).toMatchObject(refused);
      expect(waits).toEqual([]);
    },
    20_000,
  );

  test('nothing is sent in the clear to a listener that wants TLS', async () => {
    const { tls: _, ...clear } = optionsOf('tls');
    expect(await Cluster.open(clear)).toMatchObject({ ok: false, failure: { code: 'broker-unreachable' } });
    expect(await connect('tls', clear)).toMatchObject({ ok: false, failure: { code: 'broker-unreachable' } });
  }, 20_000);
});
