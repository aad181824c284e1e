/** Calls of Sluice's public HTTP API as one account. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';

export interface ApiAccount {
  readonly name: string;
  readonly secret: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

const timeoutMs = 60_000;

export class ApiClient {
  readonly #address: string;
  readonly #authorization: string;

  constructor(address: string, account: ApiAccount) {
    this.#address = address.replace(/\/+$/, '');
    this.#authorization = `Basic ${Buffer.from(`${account.name}:${account.secret}`).toString('base64')}`;
  }

  put(path: string, body: unknown): Promise<Result<ApiAnswer>> {
    return this.send('PUT', path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  get(path: string): Promise<Result<ApiAnswer>> {
    return this.send('GET', path);
  }

  /** Any 2xx answer is a success; another one is a Failure that says what the API said. */
  async send(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<Result<ApiAnswer>> {
    const action = `${method} ${path}`;
    try {
      const response = await fetch(this.#address + path, {
        method,
        headers: { authorization: this.#authorization, ...headers },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      if (response.ok) return ok({ status: response.status, headers: response.headers, body: parseOrNull(text) });
      const said = `${action}: ${response.status} ${detailOf(parseOrNull(text))}`;
      return fail(response.status === 503 || response.status === 429 ? 'delivery-failed' : 'request-invalid', said);
    } catch {
      return fail('delivery-failed', `${action}: ${this.#address} did not answer`);
    }
  }
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** The sentence of an `application/problem+json` or registry answer. */
function detailOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  const { detail, title, message } = body as Readonly<Record<string, unknown>>;
  return [detail, title, message].find((text) => typeof text === 'string') ?? '';
}
