/** A client of the Confluent Schema Registry API: schemas by id for the record path, registration for the control plane. */
import type { Result } from '../../base/index.ts';
import { fail, ok } from '../../base/index.ts';
import type { SchemaLookup } from '../../catalog/index.ts';
import { IdCache } from './id-cache.ts';

export interface RegistryOptions {
  /** Base URL, e.g. `http://127.0.0.1:8080/registry`; without credentials in it. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Longest wait for one answer, milliseconds; default 5,000. */
  readonly timeoutMs?: number;
}

export interface RegisteredVersion {
  readonly version: number;
  readonly id: number;
  readonly text: string;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const mediaType = 'application/vnd.schemaregistry.v1+json';
/** Largest answer read, bytes. */
const answerBytesMax = 4 * 1024 * 1024;

/** Confluent's code for "this schema is not there" and "this subject is not there"; a plain 404 may be a proxy's and decides nothing. */
const subjectNotFound = 40401;
const versionNotFound = 40402;
const schemaNotFound = 40403;

export class RegistryClient implements SchemaLookup {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;
  readonly #texts = new IdCache();

  constructor(options: RegistryOptions) {
    this.#base = options.url.replace(/\/+$/, '');
    this.#timeoutMs = options.timeoutMs ?? 5_000;
    const account = options.username === undefined ? null : `${options.username}:${options.password ?? ''}`;
    this.#headers = {
      accept: `${mediaType}, application/json`,
      ...(account === null ? {} : { authorization: `Basic ${Buffer.from(account, 'utf8').toString('base64')}` }),
    };
  }

  /** The text of a schema. An id never changes its schema, so an answer is kept; "not found" is kept for two seconds. */
  schemaById(id: number): Promise<Result<string>> {
    return this.#texts.get(id, async () => {
      const answer = await this.#call('GET', `/schemas/ids/${id}`);
      if (!answer.ok) return answer;
      if (isNotFound(answer.value, [schemaNotFound])) return fail('schema-unknown', `no schema has the id ${id}`);
      const refused = this.#refused(answer.value, `reading schema ${id}`);
      if (refused !== null) return refused;
      const text = member(answer.value.body, 'schema');
      const type = member(answer.value.body, 'schemaType') ?? 'AVRO';
      if (typeof text !== 'string') return fail('registry-unreachable', `reading schema ${id}: the answer has no schema`);
      if (type !== 'AVRO') return fail('schema-invalid', `schema ${id} is of the type ${String(type).slice(0, 20)}, not AVRO`);
      return ok(text);
    });
  }

  /**
   * Registers a schema under a subject, again or for the first time, and answers its id.
   * Fails with `schema-incompatible`, `schema-invalid`, `forbidden` or `registry-unreachable`.
   */
  async register(subject: string, text: string): Promise<Result<number>> {
    const answer = await this.#call('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema: text });
    if (!answer.ok) return answer;
    const refused = this.#refused(answer.value, `registering a schema under ${subject}`);
    if (refused !== null) return refused;
    const id = member(answer.value.body, 'id');
    return typeof id === 'number'
      ? ok(id)
      : fail('registry-unreachable', `registering a schema under ${subject}: the answer has no id`);
  }

  /** The version of a subject that has exactly this schema, or null. */
  async lookup(subject: string, text: string): Promise<Result<RegisteredVersion | null>> {
    const answer = await this.#call('POST', `/subjects/${encodeURIComponent(subject)}`, { schema: text });
    return this.#version(answer, `looking a schema up under ${subject}`);
  }

  /** A version of a subject, or null where there is none. */
  async version(subject: string, version: number | 'latest'): Promise<Result<RegisteredVersion | null>> {
    const answer = await this.#call('GET', `/subjects/${encodeURIComponent(subject)}/versions/${version}`);
    return this.#version(answer, `reading version ${version} of ${subject}`);
  }

  /** All versions of a subject in order; none for an unknown subject. */
  async versions(subject: string): Promise<Result<RegisteredVersion[]>> {
    const answer = await this.#call('GET', `/subjects/${encodeURIComponent(subject)}/versions`);
    if (!answer.ok) return answer;
    if (isNotFound(answer.value, [subjectNotFound])) return ok([]);
    const refused = this.#refused(answer.value, `listing the versions of ${subject}`);
    if (refused !== null) return refused;
    const numbers = Array.isArray(answer.value.body) ? answer.value.body.filter((item) => Number.isInteger(item)) : [];
    const versions: RegisteredVersion[] = [];
    for (const number of numbers) {
      const version = await this.version(subject, number);
      if (!version.ok) return version;
      if (version.value !== null) versions.push(version.value);
    }
    return ok(versions);
  }

  async setCompatibility(subject: string, level: string): Promise<Result<void>> {
    const answer = await this.#call('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: level });
    if (!answer.ok) return answer;
    return this.#refused(answer.value, `setting the compatibility of ${subject}`) ?? ok(undefined);
  }

  /** Deletes a version softly: its id stays readable. */
  async deleteVersion(subject: string, version: number): Promise<Result<void>> {
    const answer = await this.#call('DELETE', `/subjects/${encodeURIComponent(subject)}/versions/${version}`);
    if (!answer.ok) return answer;
    return this.#refused(answer.value, `deleting version ${version} of ${subject}`) ?? ok(undefined);
  }

  #version(answer: Result<Answer>, action: string): Result<RegisteredVersion | null> {
    if (!answer.ok) return answer;
    if (isNotFound(answer.value, [subjectNotFound, versionNotFound, schemaNotFound])) return ok(null);
    const refused = this.#refused(answer.value, action);
    if (refused !== null) return refused;
    const { body } = answer.value;
    const [version, id, text] = [member(body, 'version'), member(body, 'id'), member(body, 'schema')];
    if (typeof version !== 'number' || typeof id !== 'number' || typeof text !== 'string') {
      return fail('registry-unreachable', `${action}: the answer lacks version, id or schema`);
    }
    return ok({ version, id, text });
  }

  /** The Failure that an answer other than success is, or null. */
  #refused(answer: Answer, action: string): ReturnType<typeof fail> | null {
    if (answer.status >= 200 && answer.status < 300) return null;
    const said = member(answer.body, 'message');
    const detail = `${action}: ${typeof said === 'string' ? said.slice(0, 1_000) : `HTTP ${answer.status}`}`;
    if (answer.status === 409) return fail('schema-incompatible', detail);
    if (answer.status === 422) return fail('schema-invalid', detail);
    if (answer.status === 403) return fail('forbidden', detail);
    return fail('registry-unreachable', detail);
  }

  async #call(method: string, path: string, body?: unknown): Promise<Result<Answer>> {
    const action = `${method} ${this.#base}${path}`;
    try {
      const response = await fetch(`${this.#base}${path}`, {
        method,
        headers: body === undefined ? this.#headers : { ...this.#headers, 'content-type': mediaType },
        body: body === undefined ? null : JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      const text = await readText(response);
      if (text === null) return fail('registry-unreachable', `${action}: the answer is over ${answerBytesMax} bytes`);
      return ok({ status: response.status, body: parseJson(text) });
    } catch (error) {
      return fail('registry-unreachable', `${action}: ${reasonOf(error)}`);
    }
  }
}

function isNotFound(answer: Answer, codes: readonly number[]): boolean {
  const code = member(answer.body, 'error_code');
  return answer.status === 404 && typeof code === 'number' && codes.includes(code);
}

function member(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Record<string, unknown>)[name]
    : undefined;
}

async function readText(response: Response): Promise<string | null> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of response.body ?? []) {
    bytes += part.byteLength;
    if (bytes > answerBytesMax) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return 'no answer in time';
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}
