/** Calls one key of HashiCorp Vault's transit secrets engine over HTTP, with a token from a file, in bounded time. */
import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';

export interface TransitOptions {
  /** `https://host:port`; plain http on 127.0.0.1 or [::1] alone. */
  readonly address: string;
  /** File that holds the token, such as the sink of a Vault agent. Read again when it changes. */
  readonly tokenFile: string;
  readonly namespace?: string;
  /** Path of the secrets engine, `transit` by default. */
  readonly mount?: string;
  /** Name of the key, of type `aes256-gcm96`; `sluice` by default. */
  readonly key?: string;
  /** Name of the key that signs, of type `ed25519`; `sluice-signing` by default. */
  readonly signingKey?: string;
  /** Certificates in PEM by which the server is known; those of Node by default. */
  readonly caFile?: string;
  /** Of one try, milliseconds. */
  readonly timeoutMs?: number;
  /** Before the second try; it doubles for each further one, milliseconds. */
  readonly retryPauseMs?: number;
}

const timeoutMsDefault = 3_000;
const retryPauseMsDefault = 200;
const triesMax = 3;
/** Connections at once; further calls wait for one. */
const socketsMax = 16;
const answerBytesMax = 16 * 1024 * 1024;
const tokenBytesMax = 4 * 1024;

/** A path segment or several: nothing in it that another path could be made of. */
const pathForm = /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/;

const answerForm = z.object({ data: z.record(z.string(), z.unknown()) });

/** Status codes that pass: overload, sealed, standby, a replica that is behind. Source: Vault HTTP API, "HTTP status codes". */
const passes = (status: number): boolean => status >= 500 || [307, 412, 429, 472, 473].includes(status);

type Refusal = 'invalid' | 'forbidden' | 'absent';
type Tried = { readonly data: Record<string, unknown> } | { readonly refused: Refusal } | { readonly passing: string };

export class TransitClient {
  /** `<mount>/<key>`: what its keys are called. */
  readonly name: string;
  readonly #options: TransitOptions;
  readonly #url: URL;
  readonly #agent: HttpAgent;
  #token = '';
  #tokenStamp = '';

  private constructor(options: TransitOptions, url: URL, name: string, agent: HttpAgent) {
    this.#options = options;
    this.#url = url;
    this.name = name;
    this.#agent = agent;
  }

  /** Reads token and certificates; asks nothing of the server, which may be away while a role starts. Fails with `config-invalid`. */
  static async open(options: TransitOptions): Promise<Result<TransitClient>> {
    const { address, mount = 'transit', key = 'sluice', caFile } = options;
    if (!URL.canParse(address) || !isTrusted(new URL(address)))
      return fail('config-invalid', 'the address of Vault must be an https URL without a path, or http on 127.0.0.1');
    const name = `${mount}/${key}`;
    if (!pathForm.test(mount) || !/^[A-Za-z0-9_-]+$/.test(key))
      return fail('config-invalid', 'mount and key of Vault may hold letters, digits, - and _, the mount slashes as well');
    const url = new URL(address);
    const pooled = { keepAlive: true, maxSockets: socketsMax };
    let agent: HttpAgent;
    try {
      const ca = caFile === undefined ? {} : { ca: await readFile(caFile) };
      agent = url.protocol === 'https:' ? new HttpsAgent({ ...pooled, ...ca, minVersion: 'TLSv1.2' }) : new HttpAgent(pooled);
    } catch {
      return fail('config-invalid', `the certificates of Vault cannot be read from ${caFile}`);
    }
    const client = new TransitClient(options, url, name, agent);
    const token = await client.#readToken();
    return token.ok ? ok(client) : token;
  }

  /**
   * The answer's `data`; null where Vault says that the request itself does not fit (400), which for `decrypt` means that the ciphertext does not open.
   * Tries again what may pass, and once with the token of the file where the one that is held is refused.
   */
  async call(operation: 'encrypt' | 'decrypt' | 'sign' | 'keys', body?: object): Promise<Result<Record<string, unknown> | null>> {
    const action = operation === 'keys' ? `asking Vault about ${this.name}` : `asking Vault to ${operation} with ${this.name}`;
    const text = body === undefined ? undefined : JSON.stringify(body);
    let isFreshToken = false;
    let passing = '';
    for (let attempt = 0; attempt < triesMax; attempt += 1) {
      if (attempt > 0)
        await sleep((this.#options.retryPauseMs ?? retryPauseMsDefault) * 2 ** (attempt - 1) * (1 + Math.random()));
      const token = await this.#readToken();
      if (!token.ok) return fail('key-service-refused', `${action}: ${token.failure.message}`);
      isFreshToken ||= token.value;
      const tried = await this.#try(operation, text);
      if ('data' in tried) return ok(tried.data);
      if ('passing' in tried) {
        passing = tried.passing;
        continue;
      }
      if (tried.refused === 'invalid') return ok(null);
      if (tried.refused === 'absent')
        return fail('key-service-refused', `${action}: there is no such secrets engine, or no such key`);
      // The token may have been replaced between reading it and being refused.
      if (isFreshToken || !(await this.#hasNewToken()))
        return fail('key-service-refused', `${action}: the token has ended, or has no right to it`);
    }
    return fail('key-service-unreachable', `${action}: ${passing === '' ? 'the token changed again and again' : passing}`);
  }

  /** Whether it is another one than before. While the file cannot be read, or is just being written, the one that is held serves on. */
  async #readToken(): Promise<Result<boolean>> {
    const read = await readTokenFile(this.#options.tokenFile, this.#tokenStamp);
    if (!read.ok) return this.#token === '' ? read : ok(false);
    if (read.value === null) return ok(false);
    const isOther = this.#token !== '' && read.value.token !== this.#token;
    this.#token = read.value.token;
    this.#tokenStamp = read.value.stamp;
    return ok(isOther);
  }

  async #hasNewToken(): Promise<boolean> {
    const read = await this.#readToken();
    return read.ok && read.value;
  }

  /** One request. Says of a failure what kind it is, never what was sent or answered. */
  async #try(operation: string, body: string | undefined): Promise<Tried> {
    let answer: { readonly status: number; readonly text: string };
    try {
      answer = await this.#send(operation, body);
    } catch (error) {
      const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no answer in time';
      return { passing: `it cannot be reached (${code})` };
    }
    const { status, text } = answer;
    if (status === 200) {
      const data = dataOf(text);
      return data === null ? { passing: 'its answer is malformed' } : { data };
    }
    if (passes(status)) return { passing: `it answers ${status}${status === 503 ? ', which it does while sealed' : ''}` };
    if (status === 403) return { refused: 'forbidden' };
    return { refused: status === 404 ? 'absent' : 'invalid' };
  }

  #send(operation: string, body: string | undefined): Promise<{ readonly status: number; readonly text: string }> {
    const [mount, key] = [this.#options.mount ?? 'transit', this.#options.key ?? 'sluice'];
    const url = new URL(`/v1/${mount}/${operation}/${key}`, this.#url);
    const { namespace, timeoutMs = timeoutMsDefault } = this.#options;
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      'x-vault-token': this.#token,
      'x-vault-request': 'true',
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    };
    const signal = AbortSignal.timeout(timeoutMs);
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(
        url,
        { method: body === undefined ? 'GET' : 'POST', agent: this.#agent, headers, signal },
        (response) => {
          textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
        },
      );
      request.once('error', reject);
      request.end(body);
    });
  }
}

/** Null where the file is the one of this stamp. */
async function readTokenFile(
  file: string,
  known: string,
): Promise<Result<{ readonly token: string; readonly stamp: string } | null>> {
  try {
    const stats = await stat(file);
    const stamp = stampOf(stats);
    if (stamp === known) return ok(null);
    if ((stats.mode & 0o007) !== 0)
      return fail('config-invalid', `the token file ${file} may be used by everybody: run chmod 600 on it`);
    const token = stats.size > tokenBytesMax ? '' : (await readFile(file, 'latin1')).trim();
    return /^[\x21-\x7e]+$/.test(token) ? ok({ token, stamp }) : fail('config-invalid', `the token file ${file} holds no token`);
  } catch {
    return fail('config-invalid', `the token file ${file} cannot be read`);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > answerBytesMax) throw new Error('the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function dataOf(text: string): Record<string, unknown> | null {
  try {
    return answerForm.parse(JSON.parse(text)).data;
  } catch {
    return null;
  }
}

const isTrusted = ({ protocol, hostname, pathname, username, search }: URL): boolean =>
  (protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]'].includes(hostname))) &&
  pathname === '/' &&
  username === '' &&
  search === '';

const stampOf = ({ ino, size, mtimeMs }: Stats): string => `${ino}/${size}/${mtimeMs}`;
