/** Turns rows into records of the dataset's topic: checked against the schema, in Confluent wire format, with their key. */
import type { AvroCodec, AvroSchema, FieldModel, RecordModel, TypeModel } from '../../../libs/avro/index.ts';
import { codecOf, frame, fromJson, fromText, parseSchema, toJson } from '../../../libs/avro/index.ts';
import type { Failure, Result } from '../../../libs/base/index.ts';
import { during, fail, limits, ok } from '../../../libs/base/index.ts';
import { parseJsonExactly, parseJsonPlainly } from './parse-json.ts';
import type { Row } from './rows.ts';
import { valuesToJson } from './values-to-json.ts';

export interface EncodedRow {
  /** UTF-8 text of the key field; null without one, or where the field is null. */
  readonly key: Buffer | null;
  readonly value: Uint8Array;
}

export class RowEncoder {
  readonly #schema: AvroSchema;
  readonly #root: RecordModel;
  readonly #codec: AvroCodec;
  readonly #schemaId: number;
  readonly #keyField: FieldModel | null;

  private constructor(schemaId: number, schema: AvroSchema, root: RecordModel, keyField: FieldModel | null) {
    this.#schemaId = schemaId;
    this.#schema = schema;
    this.#root = root;
    this.#codec = codecOf(schema);
    this.#keyField = keyField;
  }

  /**
   * @param keyField `/name` of a top-level field of text, enum or whole numbers (or one of these or null); null for records without key.
   * Fails with `schema-invalid` for a schema that is not a record and `request-invalid` for an unsuitable key field.
   */
  static of(schemaId: number, text: string, keyField: string | null): Result<RowEncoder> {
    const schema = parseSchema(text);
    if (!schema.ok) return during(`reading schema ${schemaId}`, schema.failure);
    const { root } = schema.value;
    if (root.kind !== 'record') return fail('schema-invalid', `schema ${schemaId} is not a record`);
    const field = keyField === null ? null : root.fields.find(({ name }) => `/${name}` === keyField);
    if (field === undefined || (field !== null && !canBeKey(field.type))) {
      return fail(
        'request-invalid',
        `the key ${keyField ?? ''} is not a top-level field of text or whole numbers`,
        keyField ?? '',
      );
    }
    return ok(new RowEncoder(schemaId, schema.value, root, field));
  }

  get schema(): RecordModel {
    return this.#root;
  }

  /** Failures name the field and never hold the value. */
  encode(row: Row): Result<EncodedRow> {
    const value = this.#valueOf(row);
    if (!value.ok) return value;
    const avro = this.#codec.encode(value.value);
    if (!avro.ok) return avro;
    const framed = frame(this.#schemaId, avro.value);
    if (framed.length > limits.recordBytesMax)
      return fail('record-too-large', `the record is over ${limits.recordBytesMax} bytes`);
    return ok({ key: this.#keyOf(value.value), value: framed });
  }

  #valueOf({ content }: Row): Result<unknown> {
    switch (content.kind) {
      case 'bad':
        return { ok: false, failure: content.failure };
      case 'texts':
        return fromText(this.#schema, content.texts);
      case 'values':
        return fromJson(this.#schema, valuesToJson(this.#root, content.values));
      case 'json':
        return this.#fromJsonText(content.text);
    }
  }

  /** Whole numbers that a double cannot hold are read exactly, but only where reading them plainly does not do. */
  #fromJsonText(text: string): Result<unknown> {
    const json = parseJsonPlainly(text);
    if (!json.ok) return json;
    const value = fromJson(this.#schema, json.value);
    if (value.ok || !/\d{16}/.test(text)) return value;
    const exact = parseJsonExactly(text);
    return exact.ok ? fromJson(this.#schema, exact.value) : exact;
  }

  #keyOf(value: unknown): Buffer | null {
    if (this.#keyField === null) return null;
    const field = { text: '', root: this.#keyField.type };
    const json = toJson(field, (value as Readonly<Record<string, unknown>>)[this.#keyField.name]);
    return json === null ? null : Buffer.from(String(json), 'utf8');
  }
}

const keyKinds: readonly TypeModel['kind'][] = ['string', 'enum', 'int', 'long'];

function canBeKey(type: TypeModel): boolean {
  if (type.kind !== 'union') return keyKinds.includes(type.kind);
  const branches = type.branches.filter(({ kind }) => kind !== 'null');
  return branches.length === 1 && branches.every(({ kind }) => keyKinds.includes(kind));
}

/** A problem as the caller sees it. */
export interface RowProblem {
  readonly line: number;
  readonly field: string | null;
  readonly code: Failure['code'];
  readonly message: string;
}

export const rowProblem = (line: number, failure: Failure): RowProblem => ({
  line,
  field: failure.at === undefined || failure.at === '' ? null : failure.at.slice(0, 200),
  code: failure.code,
  message: failure.message.slice(0, 300),
});
