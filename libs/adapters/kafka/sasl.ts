/** SASL: PLAIN (RFC 4616), SCRAM-SHA-256 and -512 (RFC 5802, RFC 7677) and OAUTHBEARER (RFC 7628), as what is said and what must be answered. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';

export type SaslOptions =
  | {
      /** SCRAM-SHA-512 unless given. */
      readonly mechanism?: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      /** Asked at each authentication, so that a token may be short-lived. */
      readonly token: () => Promise<string>;
    };

/** One step: what is sent to the broker, and what it answers. */
export type SaslStep = (message: Buffer) => Promise<Result<Buffer>>;

export const mechanismOf = (sasl: SaslOptions): NonNullable<SaslOptions['mechanism']> => sasl.mechanism ?? 'SCRAM-SHA-512';

/** RFC 7677 asks for at least this many; more than the other would keep this process busy for the broker's sake. */
const iterationsMin = 4096;
const iterationsMax = 1_000_000;

/** Goes through the steps of the mechanism. Fails with `unauthenticated`; no failure holds a secret. */
export async function runSasl(sasl: SaslOptions, step: SaslStep): Promise<Result<void>> {
  if (sasl.mechanism === 'OAUTHBEARER') return runOAuthBearer(sasl.token, step);
  if (sasl.mechanism === 'PLAIN') {
    const answered = await step(Buffer.from(`\0${sasl.username}\0${sasl.password}`));
    return answered.ok ? ok(undefined) : answered;
  }
  return runScram(sasl.mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', sasl.username, sasl.password, step);
}

/** Names and passwords go as UTF-8 without SASLprep, as brokers and their tools do it. */
async function runScram(hash: 'sha256' | 'sha512', username: string, password: string, step: SaslStep): Promise<Result<void>> {
  const nonce = randomBytes(24).toString('base64');
  const clientFirstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
  const first = await step(Buffer.from(`n,,${clientFirstBare}`));
  if (!first.ok) return first;
  const serverFirst = first.value.toString('utf8');
  const [, serverNonce = '', salt = '', count = ''] = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d+)(?:,|$)/.exec(serverFirst) ?? [];
  const iterations = Number(count);
  if (!serverNonce.startsWith(nonce) || serverNonce.length === nonce.length)
    return refused('its first message does not continue ours');
  if (iterations < iterationsMin || iterations > iterationsMax) return refused(`it asks for ${iterations} iterations`);
  const bytes = hash === 'sha256' ? 32 : 64;
  const salted = await promisify(pbkdf2)(password, Buffer.from(salt, 'base64'), iterations, bytes, hash);
  const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
  const clientKey = hmac(salted, 'Client Key');
  const clientFinalBare = `c=biws,r=${serverNonce}`;
  const authMessage = `${clientFirstBare},${serverFirst},${clientFinalBare}`;
  const signature = hmac(createHash(hash).update(clientKey).digest(), authMessage);
  const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number)));
  const last = await step(Buffer.from(`${clientFinalBare},p=${proof.toString('base64')}`));
  if (!last.ok) return last;
  const verifier = /^v=([A-Za-z0-9+/=]+)(?:,|$)/.exec(last.value.toString('utf8'))?.[1];
  if (verifier === undefined) return fail('unauthenticated', 'the credentials were refused');
  const wanted = hmac(hmac(salted, 'Server Key'), authMessage);
  const given = Buffer.from(verifier, 'base64');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return refused('its signature is wrong');
  return ok(undefined);
}

async function runOAuthBearer(token: () => Promise<string>, step: SaslStep): Promise<Result<void>> {
  const text = await token().catch(() => '');
  // RFC 6750, b64token: anything else could end the field early.
  if (!/^[A-Za-z0-9\-._~+/]+=*$/.test(text)) return fail('unauthenticated', 'there is no usable token');
  const answered = await step(Buffer.from(`n,,\x01auth=Bearer ${text}\x01\x01`));
  if (!answered.ok) return answered;
  if (answered.value.length === 0) return ok(undefined);
  // The answer tells what is wrong with the token; the exchange has to be ended by this one byte.
  await step(Buffer.from('\x01'));
  return fail('unauthenticated', 'the credentials were refused');
}

/** The broker did not prove that it knows the password: it is not the one that it should be. */
const refused = (why: string): ReturnType<typeof fail> => fail('unauthenticated', `the broker was refused: ${why}`);
