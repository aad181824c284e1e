import { createHash } from 'node:crypto';

import type { EntityManager } from 'typeorm';

import type { Result } from '../../../base/index.ts';
import { unwrap } from '../../../base/index.ts';
import type { ApprovedProgram } from '../../../catalog/index.ts';
import { attempt } from '../attempt.ts';

/** Which Program an agreement has for a writer schema. */
export type ProgramRef = Pick<ApprovedProgram, 'writerSchemaId' | 'governedSchemaId' | 'programHash'>;

const signedConstraint = 'agreement_program_is_signed';

interface LinkRow {
  readonly agreement: string;
  readonly writer_schema_id: number;
  readonly governed_schema_id: number;
  readonly writer_schema: string;
  readonly governed_schema: string;
  readonly program_hash: string;
  readonly signature: string;
}

/**
 * The Programs of agreements. Module, manifest and the texts of schemas are stored once, however many agreements share them, and read once
 * for all that are asked for. SQL by hand: it is for many rows at a time.
 */
export class ProgramStore {
  readonly #manager: EntityManager;

  constructor(manager: EntityManager) {
    this.#manager = manager;
  }

  /** Makes these the Programs of an agreement, in this order, inside of a transaction of the caller's. What no agreement has any more stays: it may be had again. What is stored under a hash and is not what has it is put right. */
  put(agreement: string, programs: readonly ApprovedProgram[]): Promise<Result<void>> {
    return attempt('storing Programs', async () => {
      const distinct = [...new Map(programs.map((program) => [program.programHash, program])).values()];
      await this.#manager.query(
        `INSERT INTO program SELECT hash, manifest, decode(module, 'base64')
          FROM unnest($1::text[], $2::text[], $3::text[]) AS given (hash, manifest, module)
          ON CONFLICT (hash) DO UPDATE SET manifest = EXCLUDED.manifest, module = EXCLUDED.module
          WHERE (program.manifest, program.module) IS DISTINCT FROM (EXCLUDED.manifest, EXCLUDED.module)`,
        [distinct.map((p) => p.programHash), distinct.map((p) => p.manifest), distinct.map((p) => p.module)],
      );
      const texts = [...new Set(programs.flatMap(({ writerSchema, governedSchema }) => [writerSchema, governedSchema]))];
      await this.#manager.query(
        `INSERT INTO program_schema SELECT * FROM unnest($1::text[], $2::text[])
          ON CONFLICT (digest) DO UPDATE SET text = EXCLUDED.text WHERE program_schema.text IS DISTINCT FROM EXCLUDED.text`,
        [texts.map(digestOf), texts],
      );
      await this.#manager.query('DELETE FROM agreement_program WHERE agreement = $1', [agreement]);
      await this.#manager.query(
        `INSERT INTO agreement_program (agreement, writer_schema_id, place, governed_schema_id, writer_schema, governed_schema, program_hash, signature)
          SELECT $1, writer_id, place, governed_id, writer, governed, hash, signature
          FROM unnest($2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[])
            WITH ORDINALITY AS given (writer_id, governed_id, writer, governed, hash, signature, place)`,
        [
          agreement,
          programs.map((p) => p.writerSchemaId),
          programs.map((p) => p.governedSchemaId),
          programs.map((p) => digestOf(p.writerSchema)),
          programs.map((p) => digestOf(p.governedSchema)),
          programs.map((p) => p.programHash),
          programs.map((p) => p.signature),
        ],
      );
    });
  }

  /** Without what they are made of, in their order. */
  refs(agreement: string): Promise<Result<ProgramRef[]>> {
    return attempt('listing Programs', async () => (await this.#links([agreement])).map(refOf));
  }

  /** Of one agreement, in their order. */
  async of(agreement: string): Promise<Result<ApprovedProgram[]>> {
    const all = await this.ofAll([agreement]);
    return all.ok ? { ok: true, value: all.value.get(agreement) ?? [] } : all;
  }

  /** Of each of these agreements; equal texts are one string in memory. An agreement without any is absent. */
  ofAll(agreements: readonly string[]): Promise<Result<ReadonlyMap<string, ApprovedProgram[]>>> {
    return attempt('reading Programs', async () => {
      const links = await this.#links(agreements);
      const hashes = [...new Set(links.map((link) => link.program_hash))];
      const digests = [...new Set(links.flatMap((link) => [link.writer_schema, link.governed_schema]))];
      const made: { hash: string; manifest: string; module: Buffer }[] = await this.#manager.query(
        'SELECT hash, manifest, module FROM program WHERE hash = ANY ($1)',
        [hashes],
      );
      const texts: { digest: string; text: string }[] = await this.#manager.query(
        'SELECT digest, text FROM program_schema WHERE digest = ANY ($1)',
        [digests],
      );
      const parts = new Map(made.map(({ hash, manifest, module }) => [hash, { manifest, module: module.toString('base64') }]));
      const textOf = new Map(texts.map(({ digest, text }) => [digest, text]));
      const programs = new Map<string, ApprovedProgram[]>();
      for (const link of links) {
        const part = parts.get(link.program_hash);
        const writerSchema = textOf.get(link.writer_schema);
        const governedSchema = textOf.get(link.governed_schema);
        // They are foreign keys; a caller that may not see a Program sees no link to it either.
        if (part === undefined || writerSchema === undefined || governedSchema === undefined)
          throw new Error(`a Program of ${link.agreement} is not whole`);
        const list = programs.get(link.agreement) ?? [];
        list.push({ ...refOf(link), writerSchema, governedSchema, ...part, signature: link.signature });
        programs.set(link.agreement, list);
      }
      return programs;
    });
  }

  /**
   * Signs what was approved before there were signatures, and makes it impossible from then on to store a Program without one, so that nothing else is ever
   * signed so. Answers how many there were; none at every later time.
   */
  adopt(sign: (agreement: string, program: ApprovedProgram) => Promise<string>): Promise<Result<number>> {
    return attempt('signing earlier Programs', async () => {
      const closed: unknown[] = await this.#manager.query('SELECT FROM pg_constraint WHERE conname = $1', [signedConstraint]);
      if (closed.length > 0) return 0;
      const rows: { agreement: string }[] = await this.#manager.query(
        `SELECT DISTINCT agreement FROM agreement_program WHERE signature = ''`,
      );
      const unsigned = unwrap(await this.ofAll(rows.map(({ agreement }) => agreement)));
      let count = 0;
      for (const [agreement, programs] of unsigned) {
        for (const program of programs.filter(({ signature }) => signature === '')) {
          await this.#setSignature(agreement, program.writerSchemaId, await sign(agreement, program));
          count += 1;
        }
      }
      await this.#manager.query(`ALTER TABLE agreement_program ADD CONSTRAINT ${signedConstraint} CHECK (signature <> '')`);
      return count;
    });
  }

  /** Another signature of the same approval, by a newer key. */
  signAnew(agreement: string, writerSchemaId: number, signature: string): Promise<Result<void>> {
    return attempt('signing a Program anew', () => this.#setSignature(agreement, writerSchemaId, signature));
  }

  async #setSignature(agreement: string, writerSchemaId: number, signature: string): Promise<void> {
    await this.#manager.query('UPDATE agreement_program SET signature = $3 WHERE agreement = $1 AND writer_schema_id = $2', [
      agreement,
      writerSchemaId,
      signature,
    ]);
  }

  #links(agreements: readonly string[]): Promise<LinkRow[]> {
    return this.#manager.query(
      `SELECT agreement, writer_schema_id, governed_schema_id, writer_schema, governed_schema, program_hash, signature
        FROM agreement_program WHERE agreement = ANY ($1) ORDER BY agreement, place`,
      [agreements],
    );
  }
}

const digestOf = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

const refOf = (link: LinkRow): ProgramRef => ({
  writerSchemaId: link.writer_schema_id,
  governedSchemaId: link.governed_schema_id,
  programHash: link.program_hash,
});
