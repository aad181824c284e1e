/** What taking records in needs, joined once: the cluster, the ledger, the producers of plain requests. */
import type { Cluster } from '../../../libs/adapters/kafka/index.ts';
import type { Database, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, ok } from '../../../libs/base/index.ts';
import type { SchemaAuthority } from '../schemas/authority.ts';
import { IntakeLedger } from './intake-ledger.ts';
import { TurnTaker } from './partition-choice.ts';
import { ProducerPool } from './producer-pool.ts';
import { RowEncoder } from './row-encoder.ts';

export interface Intake {
  readonly database: Database;
  readonly schemas: SchemaAuthority;
  readonly ledger: IntakeLedger;
  readonly producers: ProducerPool;
  readonly turns: TurnTaker;
  /** Whether a broker answers now: opening a producer would wait for one much longer than a caller does. */
  readonly reachable: () => Promise<Result<void>>;
}

interface IntakeParts {
  readonly cluster: Cluster;
  readonly database: Database;
  readonly schemas: SchemaAuthority;
  readonly installation: string;
  /** Name of this instance: part of its transactional ids. */
  readonly instance: string;
}

export function openIntake({ cluster, database, schemas, installation, instance }: IntakeParts): Intake {
  return {
    database,
    schemas,
    ledger: new IntakeLedger(cluster, database, installation),
    producers: new ProducerPool(cluster, `sluice.intake.${installation}.${instance}`),
    turns: new TurnTaker(),
    reachable: () => asked(cluster),
  };
}

async function asked(cluster: Cluster): Promise<Result<void>> {
  try {
    await cluster.refresh([]);
    return ok(undefined);
  } catch {
    return fail('broker-unreachable', 'taking records in: no Kafka broker answered');
  }
}

/** The encoder for the newest schema of the dataset. */
export async function encoderOf(intake: Intake, dataset: Dataset, keyField: string | null): Promise<Result<RowEncoder>> {
  const latest = await intake.schemas.latest(dataset.subject);
  if (!latest.ok) return latest;
  if (latest.value === null) return fail('conflict', `dataset ${dataset.id} has no schema yet`);
  const encoder = RowEncoder.of(latest.value.id, latest.value.text, keyField);
  return encoder.ok ? ok(encoder.value) : encoder;
}
