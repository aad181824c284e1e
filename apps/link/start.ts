/** Joins link to Kafka and the key vault and runs it: one call, one thing to stop. Embedded and `main.ts` both use it. */
import { Cluster, DirectiveFeed } from '../../libs/adapters/kafka/index.ts';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { during, ok } from '../../libs/base/index.ts';
import type { KeyVault } from '../../libs/catalog/index.ts';
import { Deliveries } from './deliveries.ts';
import type { DeliveryStatus, Pace } from './delivery.ts';
import { pace } from './delivery.ts';

export interface LinkConfig {
  /** Reads `sluice.directives` and `gov.*`, and commits groups `<agreement>.link` by transactional ids `sluice-link.<agreement>`. */
  readonly kafka: KafkaOptions;
  readonly vault: KeyVault;
  /** Told what an operator may want to know; holds no record's value. */
  readonly log?: (sentence: string) => void;
  /** Waiting times, where a test or an operator wants others. */
  readonly pace?: Partial<Pace>;
}

export interface Link {
  /** One entry for each mirror or webhook agreement that is known. */
  status(): readonly DeliveryStatus[];
  stop(): Promise<void>;
}

/** Fails when Kafka cannot be reached or the directives cannot be read; a platform that is down is no failure, its delivery waits. */
export async function startLink(config: LinkConfig): Promise<Result<Link>> {
  const cluster = await Cluster.open(config.kafka);
  if (!cluster.ok) return during('starting link', cluster.failure);
  const feed = await DirectiveFeed.open(cluster.value);
  if (!feed.ok) {
    await cluster.value.close();
    return during('starting link', feed.failure);
  }
  const deliveries = new Deliveries({
    source: cluster.value,
    feed: feed.value,
    vault: config.vault,
    log: config.log ?? (() => undefined),
    pace: { ...pace, ...config.pace },
  });
  deliveries.start();
  return ok({
    status: () => deliveries.status(),
    stop: async () => {
      await deliveries.stop();
      await cluster.value.close();
    },
  });
}
