/**
 * Access tokens of trusted OpenID Connect issuers: discovery (OpenID Connect Discovery 1.0), their keys (RFC 7517), and what of a JWT is
 * checked (RFC 7519; RFC 8725). A token that cannot be checked is never taken: an issuer that does not answer is a failure of its own.
 */
import type { JWTVerifyGetKey } from 'jose';
import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify } from 'jose';
import { z } from 'zod';

import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';

/** Who a token speaks for: the claims `iss` and `sub`. */
export interface OidcIdentity {
  readonly issuer: string;
  readonly subject: string;
}

export interface OidcOptions {
  /** Issuer URLs exactly as the claim `iss` has them. */
  readonly issuers: readonly string[];
  /** What the claim `aud` must hold. */
  readonly audience: string;
  /** Least time between two looks for a key that is not known, milliseconds. */
  readonly cooldownMs?: number;
}

/** Asymmetric alone: with a symmetric one, who knows the public key could sign. */
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];
/** How far clocks may differ, seconds. */
const leewaySeconds = 60;
const answerTimeoutMs = 5_000;
const answerBytesMax = 256 * 1024;
const subjectCharactersMax = 255;
/** How long an issuer's keys are used without asking again, and how soon an unknown one is looked for, milliseconds. */
const keysKeptMs = 10 * 60_000;
const cooldownDefaultMs = 30_000;

const metadata = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });

const refused = fail('unauthenticated', 'the bearer token is not valid');

export class OidcIssuers {
  readonly #options: OidcOptions;
  readonly #keys = new Map<string, Promise<Result<JWTVerifyGetKey>>>();

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  /** Fails with `unauthenticated`, or `issuer-unreachable` where the token may be good. */
  async verify(token: string): Promise<Result<OidcIdentity>> {
    const issuer = claimedIssuer(token);
    if (issuer === null || !this.#options.issuers.includes(issuer)) return refused;
    const keys = await this.#keysOf(issuer);
    if (!keys.ok) return keys;
    try {
      const { payload } = await jwtVerify(token, keys.value, {
        issuer,
        audience: this.#options.audience,
        algorithms,
        clockTolerance: leewaySeconds,
        requiredClaims: ['sub', 'exp'],
      });
      const subject = payload.sub ?? '';
      return /^[^\p{Cc}]+$/u.test(subject) && subject.length <= subjectCharactersMax ? ok({ issuer, subject }) : refused;
    } catch (error) {
      return isAnswerMissing(error) ? unreachable(issuer) : refused;
    }
  }

  /** The issuer is asked once for its key set; one that did not answer is asked again by the next token. */
  #keysOf(issuer: string): Promise<Result<JWTVerifyGetKey>> {
    const known = this.#keys.get(issuer);
    if (known !== undefined) return known;
    const asked = this.#discover(issuer).then((keys) => {
      if (!keys.ok) this.#keys.delete(issuer);
      return keys;
    });
    this.#keys.set(issuer, asked);
    return asked;
  }

  async #discover(issuer: string): Promise<Result<JWTVerifyGetKey>> {
    try {
      const place = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
      const read = metadata.safeParse(JSON.parse(await fetchText(place, AbortSignal.timeout(answerTimeoutMs))));
      // Metadata of another issuer would have its tokens taken for this one's.
      if (!read.success || read.data.issuer !== issuer || !isTrustedUrl(read.data.jwks_uri)) return unreachable(issuer);
      return ok(
        createRemoteJWKSet(new URL(read.data.jwks_uri), {
          timeoutDuration: answerTimeoutMs,
          cacheMaxAge: keysKeptMs,
          cooldownDuration: this.#options.cooldownMs ?? cooldownDefaultMs,
          [customFetch]: fetchKeys,
        }),
      );
    } catch {
      return unreachable(issuer);
    }
  }
}

/** `https`, or anything on 127.0.0.1, which nobody else can listen in on. */
export function isTrustedUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1');
}

function claimedIssuer(token: string): string | null {
  try {
    return decodeJwt(token).iss ?? null;
  } catch {
    return null;
  }
}

const unreachable = (issuer: string): ReturnType<typeof fail> =>
  fail('issuer-unreachable', `the OIDC issuer ${issuer} does not answer as one`);

/** The keys were not got, or are not a set of keys. All else is about the token. */
const isAnswerMissing = (error: unknown): boolean =>
  error instanceof NoAnswer || error instanceof errors.JWKSInvalid || error instanceof errors.JWKSTimeout;

/** An issuer did not give what it was asked for. */
class NoAnswer extends Error {}

/** What the key set's reader uses in place of fetch: bounded, and with failures that are told from those of a token. */
async function fetchKeys(url: string, { signal }: { readonly signal: AbortSignal }): Promise<Response> {
  const text = await fetchText(url, signal);
  return new Response(isJson(text) ? text : '{}', { headers: { 'content-type': 'application/json' } });
}

/** The body of a 200 answer. Throws NoAnswer for anything else, a redirect included. */
async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, { redirect: 'error', signal, headers: { accept: 'application/json' } });
    if (response.status === 200) return await boundedText(response);
  } catch {
    throw new NoAnswer('the issuer could not be asked');
  }
  throw new NoAnswer('the issuer answers with another status');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function boundedText(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    const piece = part as Uint8Array;
    bytes += piece.length;
    if (bytes > answerBytesMax) throw new NoAnswer('the answer is too long');
    parts.push(piece);
  }
  return Buffer.concat(parts).toString('utf8');
}
