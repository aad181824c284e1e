/** Agreements with their Programs, keys and credentials, and the requests that they came from: by SQL, for they are many. */
import type pg from 'pg';
import { digestOfPassword } from '../../../apps/control-plane/password-digest.ts';
import type { Database } from '../../../libs/adapters/postgres/index.ts';
import { ok, unwrap } from '../../../libs/base/index.ts';
import type { ApprovedProgram, Signer } from '../../../libs/catalog/index.ts';
import { programPayload } from '../../../libs/catalog/index.ts';
import { datasetId, publisherOf, subscriberOf } from './seed-catalog.ts';
import { makePrograms, policyOf, programsMax } from './seed-programs.ts';

export const agreementId = (index: number): string => `agr-${String(index).padStart(7, '0')}`;

export interface AgreementSeed {
  readonly agreements: number;
  /** Over which they are spread evenly. */
  readonly datasets: number;
  /** Whether some are suspended and some over, and whether there are requests: else all are started. */
  readonly isMixed: boolean;
  /** By whose key their Programs are approved. */
  readonly signer: Signer;
}

/** Bytes a second of the credentials that have a limit: one in ten. */
const byteRateOf = (index: number): number | null => (index % 10 === 0 ? 1_048_576 : null);

const rowsAtOnce = 2_000;
/** What of five agreements came from a request. */
const requestEvery = 5;

/** Ends with ANALYZE, as a database that has been running has had. */
export async function seedAgreements(database: Database, client: pg.Client, seed: AgreementSeed): Promise<void> {
  const programs = makePrograms(Math.min(programsMax, seed.agreements));
  for (let from = 0; from < seed.agreements; from += rowsAtOnce) {
    const indexes = Array.from({ length: Math.min(rowsAtOnce, seed.agreements - from) }, (_, index) => from + index);
    await insertAgreements(client, seed, indexes);
    await insertCredentials(client, indexes);
    if (seed.isMixed)
      await insertRequests(
        client,
        seed,
        indexes.filter((index) => index % requestEvery === 0),
      );
  }
  await seedProgramsOf(database, client, seed, programs);
  await client.query('ANALYZE');
}

/** Each agreement has the Program of its policy, which is that of one of the first, approved for it. */
async function seedProgramsOf(
  database: Database,
  client: pg.Client,
  { agreements, signer }: AgreementSeed,
  programs: readonly ApprovedProgram[],
): Promise<void> {
  const signed = async (index: number): Promise<ApprovedProgram> => {
    const program = programs[index % programs.length] as ApprovedProgram;
    return { ...program, signature: unwrap(await signer.sign('program', programPayload(agreementId(index), program))) };
  };
  const first = await Promise.all(programs.map((_, index) => signed(index)));
  unwrap(
    await database.transaction('seeding Programs', async (stores) => {
      for (const [index, program] of first.entries()) unwrap(await stores.programs.put(agreementId(index), [program]));
      return ok(undefined);
    }),
  );
  for (let from = programs.length; from < agreements; from += rowsAtOnce) {
    const indexes = Array.from({ length: Math.min(rowsAtOnce, agreements - from) }, (_, index) => from + index);
    const signatures = await Promise.all(indexes.map(async (index) => (await signed(index)).signature));
    await client.query(
      `INSERT INTO agreement_program
          (agreement, writer_schema_id, place, governed_schema_id, writer_schema, governed_schema, program_hash, signature)
        SELECT 'agr-' || lpad(n::text, 7, '0'), writer_schema_id, place, governed_schema_id, writer_schema, governed_schema, program_hash, given.signature
        FROM unnest($2::integer[], $3::text[]) AS given (n, signature)
        JOIN agreement_program ON agreement = 'agr-' || lpad((n % $1)::text, 7, '0')`,
      [programs.length, indexes, signatures],
    );
  }
}

const namesOf = ({ datasets }: AgreementSeed, index: number) => ({
  agreement: agreementId(index),
  dataset: datasetId(index % datasets),
  assigner: publisherOf(index % datasets),
  assignee: subscriberOf(index),
});

const variantOf = (index: number, { agreements }: AgreementSeed): number => index % Math.min(programsMax, agreements);

/** Of ten: one is suspended by its publisher, one is over. */
function standingOf(index: number, isMixed: boolean): { state: string; holds: unknown[] } {
  if (isMixed && index % 10 === 3)
    return { state: 'suspended', holds: [{ kind: 'party', of: publisherOf(index), reason: '', at: '2026-11-01T00:00:00.000Z' }] };
  return { state: isMixed && index % 10 === 7 ? 'terminated' : 'started', holds: [] };
}

/** As it would be published: nothing waits. The key is opaque to the control plane until somebody rotates it. */
async function insertAgreements(client: pg.Client, seed: AgreementSeed, indexes: readonly number[]): Promise<void> {
  const names = indexes.map((index) => namesOf(seed, index));
  const standings = indexes.map((index) => standingOf(index, seed.isMixed));
  await client.query(
    `INSERT INTO agreement (id, dataset, assigner, assignee, policy, delivery, state, revision, published_revision, holds)
      SELECT id, dataset, assigner, assignee, policy, '{"kind":"kafka"}', state, 1, 1, holds
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[], $6::text[], $7::json[])
        AS given (id, dataset, assigner, assignee, policy, state, holds)`,
    [
      names.map(({ agreement }) => agreement),
      names.map(({ dataset }) => dataset),
      names.map(({ assigner }) => assigner),
      names.map(({ assignee }) => assignee),
      names.map((name, index) => JSON.stringify(policyOf(variantOf(indexes[index] ?? 0, seed), name))),
      standings.map(({ state }) => state),
      standings.map(({ holds }) => JSON.stringify(holds)),
    ],
  );
  const wrapped = JSON.stringify({ keyId: 'bench', epoch: 1, wrapped: Buffer.alloc(60, 7).toString('base64url') });
  await client.query(
    `INSERT INTO data_key (owner_kind, owner, epoch, wrapped, state, created_at)
      SELECT 'agreement', id, 1, $2, 'active', now() FROM unnest($1::text[]) AS given (id)`,
    [names.map(({ agreement }) => agreement), wrapped],
  );
}

async function insertCredentials(client: pg.Client, indexes: readonly number[]): Promise<void> {
  await client.query(
    `INSERT INTO credential (agreement, generation, kafka_user, digest, state, byte_rate, created_at)
      SELECT id, 1, id || '.g1', $3, 'active', rate, now() FROM unnest($1::text[], $2::bigint[]) AS given (id, rate)`,
    [indexes.map(agreementId), indexes.map(byteRateOf), digestOfPassword('of the bench')],
  );
}

async function insertRequests(client: pg.Client, seed: AgreementSeed, indexes: readonly number[]): Promise<void> {
  const names = indexes.map((index) => namesOf(seed, index));
  await client.query(
    `INSERT INTO access_request (id, offer, offer_version, dataset, assigner, assignee, agreement, purpose, note, delivery, policy,
        program_hashes, made_by, made_at, state, decisions)
      SELECT 'req-' || agreement, 'offer-' || dataset, 1, dataset, assigner, assignee, agreement, 'research', '流行病学研究', '{"kind":"kafka"}', policy,
        '{}', assignee, now(), CASE WHEN ordinality % 10 = 0 THEN 'submitted' ELSE 'granted' END, '[]'
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[]) WITH ORDINALITY
        AS given (agreement, dataset, assigner, assignee, policy, ordinality)`,
    [
      names.map(({ agreement }) => agreement),
      names.map(({ dataset }) => dataset),
      names.map(({ assigner }) => assigner),
      names.map(({ assignee }) => assignee),
      names.map((name, index) => JSON.stringify(policyOf(variantOf(indexes[index] ?? 0, seed), name))),
    ],
  );
}
