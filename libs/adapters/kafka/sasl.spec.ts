/** Authentication against a broker that checks, lies or changes its mind. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Result } from '../../base/index.ts';
import { unwrap } from '../../base/index.ts';
import { BufferPool } from './buffer-pool.ts';
import type { FakeRequest } from './fake-broker-fixture.ts';
import { echoAnswer, echoCall, FakeBroker } from './fake-broker-fixture.ts';
import { RecordConnection } from './record-connection.ts';
import type { SaslOptions } from './sasl.ts';
import { saslAuthenticateCall, saslHandshakeCall } from './wire-call.ts';
import { WireWriter } from './wire-writer.ts';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What the broker says to one message of the client, or null to refuse it. */
type Authenticator = (message: string) => string | null;

interface Lies {
  readonly nonce?: string;
  readonly iterations?: number;
  readonly signature?: Buffer;
}

/** The server's side of RFC 5802. */
function scramServer(hash: 'sha256' | 'sha512', username: string, password: string, lies: Lies = {}): Authenticator {
  const [salt, iterations] = [randomBytes(16), lies.iterations ?? 4096];
  const hmac = (key: Buffer, message: string): Buffer => createHmac(hash, key).update(message).digest();
  let clientFirst = '';
  let serverFirst = '';
  return (message) => {
    if (message.startsWith('n,,')) {
      clientFirst = message.slice(3);
      if (!clientFirst.startsWith(`n=${username},r=`)) return null;
      const nonce = clientFirst.slice(`n=${username},r=`.length);
      serverFirst = `r=${lies.nonce ?? `${nonce}more`},s=${salt.toString('base64')},i=${iterations}`;
      return serverFirst;
    }
    const [bare = '', proof = ''] = message.split(',p=');
    const authMessage = `${clientFirst},${serverFirst},${bare}`;
    const salted = pbkdf2Sync(password, salt, iterations, hash === 'sha256' ? 32 : 64, hash);
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash(hash).update(clientKey).digest(), authMessage);
    const wanted = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number)));
    if (proof !== wanted.toString('base64')) return null;
    return `v=${(lies.signature ?? hmac(hmac(salted, 'Server Key'), authMessage)).toString('base64')}`;
  };
}

interface Script {
  readonly mechanism: string;
  readonly authenticator: () => Authenticator;
  readonly lifetimeMs?: () => number;
}

async function brokerWith({ mechanism, authenticator, lifetimeMs }: Script): Promise<FakeBroker> {
  let say = authenticator();
  const broker = await FakeBroker.open(({ key, body, reply }: FakeRequest) => {
    if (key === saslHandshakeCall.key) {
      say = authenticator();
      reply(new WireWriter().int16(body.shortString() === mechanism ? 0 : 33).int32(0));
    } else if (key === saslAuthenticateCall.key) {
      const said = say(body.bytes().toString('utf8'));
      const writer = new WireWriter().int16(said === null ? 58 : 0).string(said === null ? 'no' : null);
      reply(
        writer
          .bytes(Buffer.from(said ?? ''))
          .int64(BigInt(lifetimeMs?.() ?? 0))
          .tags(),
      );
    } else reply(echoAnswer(Buffer.from(body.bytes())));
  });
  closing.push(() => broker.close());
  return broker;
}

async function connect(broker: FakeBroker, sasl: SaslOptions): Promise<Result<RecordConnection>> {
  const opened = await RecordConnection.open(broker.address, { clientId: 'test', pool: new BufferPool(1024 * 1024), sasl });
  if (opened.ok) closing.push(() => opened.value.close());
  return opened;
}

const outcome = (result: Result<unknown>): string => (result.ok ? 'in' : `${result.failure.code}: ${result.failure.message}`);

const scrams = [
  { mechanism: 'SCRAM-SHA-256', hash: 'sha256' },
  { mechanism: 'SCRAM-SHA-512', hash: 'sha512' },
] as const;

describe.each(scrams)('$mechanism', ({ mechanism, hash }) => {
  const credentials = { mechanism, username: 'an=na,b', password: 'pässword' };
  const against = async (password: string, lies?: Lies): Promise<string> => {
    const authenticator = (): Authenticator => scramServer(hash, 'an=3Dna=2Cb', password, lies);
    return outcome(await connect(await brokerWith({ mechanism, authenticator }), credentials));
  };

  test('lets in who knows the password, and nobody else', async () => {
    expect(await against('pässword')).toBe('in');
    const refused = await against('another');
    expect(refused).toMatch(/^unauthenticated: .*: the credentials were refused$/);
    expect(refused).not.toContain('pässword');
  });

  test('refuses a broker that does not know the password: its signature is wrong', async () => {
    const signature = randomBytes(hash === 'sha256' ? 32 : 64);
    expect(await against('pässword', { signature })).toMatch(/the broker was refused: its signature is wrong$/);
    expect(await against('pässword', { signature: Buffer.alloc(3) })).toMatch(/its signature is wrong$/);
  });

  test('refuses a broker that does not continue the nonce or asks for too few or too many rounds', async () => {
    expect(await against('pässword', { nonce: 'of-another-conversation' })).toMatch(/does not continue ours$/);
    expect(await against('pässword', { iterations: 1 })).toMatch(/it asks for 1 iterations$/);
    expect(await against('pässword', { iterations: 1_000_000_000 })).toMatch(/it asks for 1000000000 iterations$/);
  });
});

test('SCRAM-SHA-512 is the mechanism when none is named', async () => {
  const authenticator = (): Authenticator => scramServer('sha512', 'anna', 'secret');
  const broker = await brokerWith({ mechanism: 'SCRAM-SHA-512', authenticator });
  expect(outcome(await connect(broker, { username: 'anna', password: 'secret' }))).toBe('in');
});

test('PLAIN says name and password, and a broker that does not take the mechanism is said to', async () => {
  const authenticator = (): Authenticator => (message) => (message === '\0anna\0secret' ? '' : null);
  const broker = await brokerWith({ mechanism: 'PLAIN', authenticator });
  expect(outcome(await connect(broker, { mechanism: 'PLAIN', username: 'anna', password: 'secret' }))).toBe('in');
  expect(outcome(await connect(broker, { mechanism: 'PLAIN', username: 'anna', password: 'wrong' }))).toMatch(/refused$/);
  expect(outcome(await connect(broker, { username: 'anna', password: 'secret' }))).toMatch(/does not take SCRAM-SHA-512$/);
});

describe('OAUTHBEARER', () => {
  const heard: string[] = [];
  const authenticator = (): Authenticator => (message) => {
    heard.push(message);
    if (message === '\x01') return null;
    return message === 'n,,\x01auth=Bearer good.token\x01\x01' ? '' : '{"status":"invalid_token"}';
  };
  const connectWith = async (token: () => Promise<string>): Promise<string> =>
    outcome(await connect(await brokerWith({ mechanism: 'OAUTHBEARER', authenticator }), { mechanism: 'OAUTHBEARER', token }));

  test('lets in who brings a good token, and ends the exchange of a bad one as it must be ended', async () => {
    expect(await connectWith(() => Promise.resolve('good.token'))).toBe('in');
    const refused = await connectWith(() => Promise.resolve('bad.token'));
    expect(refused).toMatch(/the credentials were refused$/);
    expect(refused).not.toContain('bad.token');
    expect(heard.at(-1)).toBe('\x01');
  });

  test('sends nothing when there is no token or one that would end its field early', async () => {
    heard.length = 0;
    expect(await connectWith(() => Promise.reject(new Error('none')))).toMatch(/there is no usable token$/);
    expect(await connectWith(() => Promise.resolve('good.token\x01host=evil'))).toMatch(/there is no usable token$/);
    expect(heard).toEqual([]);
  });
});

describe('an authentication that holds for a time only', () => {
  const plain = { mechanism: 'PLAIN', username: 'anna', password: 'secret' } as const;

  test('is renewed before that on the same connection, with no request between its steps', async () => {
    const tokens: string[] = [];
    const broker = await brokerWith({
      mechanism: 'OAUTHBEARER',
      authenticator: () => () => '',
      // Only the first two are short-lived.
      lifetimeMs: () => (tokens.length < 3 ? 100 : 0),
    });
    const token = (): Promise<string> => {
      tokens.push(`token${tokens.length}`);
      return Promise.resolve(tokens.at(-1) ?? '');
    };
    const connection = unwrap(await connect(broker, { mechanism: 'OAUTHBEARER', token }));
    while (tokens.length < 3) {
      expect(unwrap(await connection.request(echoCall, Buffer.from('on'))).toString()).toBe('on');
    }
    unwrap(await connection.request(echoCall, Buffer.from('after')));
    expect(broker.sockets.size).toBe(1);
    const [handshake, authenticate] = [saslHandshakeCall.key, saslAuthenticateCall.key];
    const handshakes = broker.keys.flatMap((key, index) => (key === handshake ? [index] : []));
    expect(handshakes.length).toBe(3);
    expect(handshakes.every((index) => broker.keys[index + 1] === authenticate)).toBe(true);
  });

  test('breaks the connection when it is refused the second time', async () => {
    let attempts = 0;
    const authenticator = (): Authenticator => {
      attempts += 1;
      return () => (attempts > 2 ? null : '');
    };
    const broker = await brokerWith({ mechanism: 'PLAIN', authenticator, lifetimeMs: () => 50 });
    const connection = unwrap(await connect(broker, plain));
    let last: Result<unknown> = { ok: true, value: null };
    while (last.ok) last = await connection.request(echoCall, Buffer.from('on'));
    expect(outcome(last)).toBe('unauthenticated: authenticating again: the credentials were refused');
    expect(connection.usable).toBe(false);
  });
});
