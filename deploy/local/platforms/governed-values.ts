/** Decodes governed values as any Confluent client does: the schema of an id comes from the registry, once. */
import type { AvroSchema } from '../../../libs/avro/index.ts';
import { codecOf, parseSchema, toJson, unframe } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';

export interface RegistryPlace {
  /** URL of a Confluent-compatible registry. */
  readonly url: string;
  readonly account: string;
  readonly secret: string;
}

const timeoutMs = 10_000;

export class GovernedValues {
  readonly #registry: RegistryPlace;
  readonly #schemas = new Map<number, AvroSchema>();

  constructor(registry: RegistryPlace) {
    this.#registry = registry;
  }

  /** The value as plain JSON. Failures: `frame-invalid`, `schema-unknown`, `record-malformed`, `registry-unreachable`. */
  async read(value: Uint8Array): Promise<Result<unknown>> {
    const framed = unframe(value);
    if (!framed.ok) return framed;
    const known = this.#schemas.get(framed.value.schemaId);
    const schema = known === undefined ? await this.#fetch(framed.value.schemaId) : ok(known);
    if (!schema.ok) return schema;
    const decoded = codecOf(schema.value).decode(framed.value.body);
    return decoded.ok ? ok(toJson(schema.value, decoded.value)) : decoded;
  }

  async #fetch(id: number): Promise<Result<AvroSchema>> {
    const { url, account, secret } = this.#registry;
    const action = `asking the registry for schema ${id}`;
    try {
      const response = await fetch(`${url.replace(/\/+$/, '')}/schemas/ids/${id}`, {
        headers: { authorization: `Basic ${Buffer.from(`${account}:${secret}`).toString('base64')}` },
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.status === 404) return fail('schema-unknown', `${action}: it has none`);
      if (response.status === 401 || response.status === 403) return fail('unauthenticated', `${action}: it refused the account`);
      if (!response.ok) return fail('registry-unreachable', `${action}: it answered ${response.status}`);
      const { schema } = (await response.json()) as { schema: string };
      const parsed = parseSchema(schema);
      if (!parsed.ok) return during(action, parsed.failure);
      this.#schemas.set(id, parsed.value);
      return parsed;
    } catch {
      return fail('registry-unreachable', `${action}: it did not answer`);
    }
  }
}
