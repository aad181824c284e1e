/** The control plane's HTTP API as `apply` uses it. */
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';

export interface Found {
  readonly body: Readonly<Record<string, unknown>>;
  readonly etag: string | null;
}

interface Answer extends Found {
  readonly status: number;
}

const timeoutMs = 60_000;

export class Api {
  readonly #address: string;
  readonly #authorization: string;

  constructor(address: string, account: string, secret: string) {
    this.#address = address.replace(/\/+$/, '');
    this.#authorization = `Basic ${Buffer.from(`${account}:${secret}`).toString('base64')}`;
  }

  /** Null where there is none. */
  async find(path: string): Promise<Result<Found | null>> {
    const answer = await this.#send('GET', path);
    if (!answer.ok) return answer;
    const { status, body, etag } = answer.value;
    if (status === 404) return ok(null);
    return status === 200 ? ok({ body, etag }) : refused(status, body);
  }

  /** With an ETag only if nobody changed it meanwhile. */
  async put(path: string, body: unknown, etag: string | null): Promise<Result<void>> {
    return this.#done(await this.#send('PUT', path, body, etag === null ? {} : { 'if-match': etag }));
  }

  async post(path: string): Promise<Result<void>> {
    return this.#done(await this.#send('POST', path, {}));
  }

  #done(answer: Result<Answer>): Result<void> {
    if (!answer.ok) return answer;
    const { status, body } = answer.value;
    return status >= 200 && status < 300 ? ok(undefined) : refused(status, body);
  }

  async #send(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Result<Answer>> {
    try {
      const response = await fetch(`${this.#address}${path}`, {
        method,
        headers: {
          authorization: this.#authorization,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      return ok({ status: response.status, body: parsed(text), etag: response.headers.get('etag') });
    } catch {
      return fail('delivery-failed', `${this.#address} did not answer`);
    }
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function refused(status: number, { detail, message, code }: Readonly<Record<string, unknown>>): Result<never> {
  const said = typeof detail === 'string' ? detail : typeof message === 'string' ? message : `status ${status}`;
  if (status === 401) return fail('unauthenticated', 'the account or its secret was refused');
  if (status === 412) return fail('precondition-failed', 'it was changed by somebody else meanwhile; run it again');
  return fail(
    status === 429 || status === 503 ? 'delivery-failed' : 'conflict',
    typeof code === 'string' ? `${said} (${code})` : said,
  );
}
