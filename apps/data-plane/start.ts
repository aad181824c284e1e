/** Joins the data plane to Kafka, the key vault and the registry, and runs it: one call, one thing to stop. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import { Cluster } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { during, ok } from '../../libs/base/index.ts';
import type { KeyOpener, SchemaLookup, SignatureChecker } from '../../libs/catalog/index.ts';
import { DataPlaneModule } from './app.module.ts';
import { BlockWatch } from './block-watch.ts';
import type { Guarantee, ReadinessLimits, WorkerLimits } from './config.ts';
import { readinessLimits, workerLimits } from './config.ts';
import { DigestThread } from './digests/digest-thread.ts';
import { DirectiveBoard } from './directive-board.ts';
import type { FeedStatus } from './feed-status.ts';
import type { PlaneView } from './metrics.ts';
import { measurePlane } from './metrics.ts';
import { PositionLog } from './position-log.ts';
import type { Readiness } from './readiness.ts';
import { judgeReadiness } from './readiness.ts';
import { RecordTransport } from './record-transport.ts';

export interface DataPlaneConfig {
  readonly kafka: KafkaOptions;
  readonly vault: KeyOpener;
  /** Whose directives are followed. */
  readonly checker: SignatureChecker;
  readonly registry: SchemaLookup;
  /** Stable name of this instance; part of its transactional ids. */
  readonly instance: string;
  /** `exactly-once` unless given. */
  readonly guarantee?: Guarantee;
  readonly limits?: Partial<WorkerLimits>;
  readonly readiness?: Partial<ReadinessLimits>;
  /** Agreements with series of their own in the metrics; `agreementSeriesMax` unless given. */
  readonly agreementSeriesMax?: number;
  /** Computes the digests of large transactions; ended with the data plane. A thread of its own unless given. */
  readonly digests?: DigestThread;
  /** Told about failures as they happen; they hold no record's value. */
  readonly report?: (failure: Failure) => void;
}

export interface DataPlane {
  status(): readonly FeedStatus[];
  /** Why it does not do its work, if it does not. */
  readiness(): Readiness;
  /** False when the process has done nothing else for long. */
  healthy(): boolean;
  stop(): Promise<void>;
}

/** Fails when Kafka cannot be reached or the directives cannot be read. */
export async function startDataPlane(config: DataPlaneConfig): Promise<Result<DataPlane>> {
  const action = 'starting the data plane';
  const limits = { ...workerLimits, ...config.limits };
  const report = config.report ?? (() => undefined);
  const cluster = await Cluster.open(config.kafka);
  if (!cluster.ok) return during(action, cluster.failure);
  const { directiveAgeMsMax: suppressionAgeMsMax } = limits;
  const board = await DirectiveBoard.open({
    cluster: cluster.value,
    vault: config.vault,
    checker: config.checker,
    report,
    suppressionAgeMsMax,
  });
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
    digests: config.digests ?? new DigestThread(),
    report,
  });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(DataPlaneModule, {
    strategy: transport,
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  await app.listen();
  const judged = { ...readinessLimits, ...config.readiness, directiveAgeMsMax: limits.directiveAgeMsMax };
  const unmeasure = measurePlane(viewOf(transport, board.value), config.agreementSeriesMax);
  const blocks = new BlockWatch();
  blocks.start();
  return ok({
    status: () => transport.feeds(),
    readiness: () => {
      const { keylessCount } = board.value;
      return judgeReadiness(
        { feeds: transport.views(), directiveAgeMs: board.value.ageMs(), keylessCount, nowMs: Date.now() },
        judged,
      );
    },
    healthy: () => blocks.longestMs() < judged.blockedMsMax,
    stop: async () => {
      unmeasure();
      blocks.stop();
      await app.close();
      await log.value.close();
      await cluster.value.close();
    },
  });
}

const viewOf = (transport: RecordTransport, board: DirectiveBoard): PlaneView => ({
  feeds: () => transport.views(),
  get directiveAgeMs() {
    return board.ageMs();
  },
  get programCount() {
    return board.programCount;
  },
  get programMisses() {
    return board.programMisses;
  },
});
