/** Joins the data plane to Kafka, the key vault and the registry, and runs it: one call, one thing to stop. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { during, ok } from '../../libs/base/index.ts';
import type { KeyVault, SchemaLookup } from '../../libs/catalog/index.ts';
import { DataPlaneModule } from './app.module.ts';
import type { Guarantee, WorkerLimits } from './config.ts';
import { workerLimits } from './config.ts';
import { DirectiveBoard } from './directive-board.ts';
import type { FeedStatus } from './feed-status.ts';
import { PositionLog } from './position-log.ts';
import { RecordTransport } from './record-transport.ts';

export interface DataPlaneConfig {
  readonly kafka: KafkaOptions;
  readonly vault: KeyVault;
  readonly registry: SchemaLookup;
  /** Stable name of this instance; part of its transactional ids. */
  readonly instance: string;
  /** `exactly-once` unless given. */
  readonly guarantee?: Guarantee;
  readonly limits?: Partial<WorkerLimits>;
  /** Told about failures as they happen; they hold no record's value. */
  readonly report?: (failure: Failure) => void;
}

export interface DataPlane {
  status(): readonly FeedStatus[];
  /** True when directives are current and no feed is failing. */
  ready(): boolean;
  stop(): Promise<void>;
}

/** Fails when Kafka cannot be reached or the directives cannot be read. */
export async function startDataPlane(config: DataPlaneConfig): Promise<Result<DataPlane>> {
  const action = 'starting the data plane';
  const limits = { ...workerLimits, ...config.limits };
  const report = config.report ?? (() => undefined);
  const cluster = await Cluster.open(config.kafka);
  if (!cluster.ok) return during(action, cluster.failure);
  const board = await DirectiveBoard.open({ cluster: cluster.value, vault: config.vault, report });
  if (!board.ok) {
    await cluster.value.close();
    return during(action, board.failure);
  }
  const log = await PositionLog.open(cluster.value, report);
  if (!log.ok) {
    await board.value.stop();
    await cluster.value.close();
    return during(action, log.failure);
  }
  const transport = new RecordTransport({
    cluster: cluster.value,
    board: board.value,
    log: log.value,
    registry: config.registry,
    instance: config.instance,
    guarantee: config.guarantee ?? 'exactly-once',
    limits,
    report,
  });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(DataPlaneModule, {
    strategy: transport,
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  await app.listen();
  return ok({
    status: () => transport.feeds(),
    ready: () =>
      board.value.ageMs() <= limits.directiveAgeMsMax && transport.feeds().every(({ failure }) => failure === undefined),
    stop: async () => {
      await app.close();
      await log.value.close();
      await cluster.value.close();
    },
  });
}
