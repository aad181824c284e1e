/** Joins link to Kafka and the key vault and runs it: one call, one thing to stop. Embedded and `main.ts` both use it. */
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Cluster, DirectiveFeed, waitForBroker } from '../../libs/adapters/kafka/index.ts';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { during, fail, ok } from '../../libs/base/index.ts';
import type { KeyOpener, SignatureChecker } from '../../libs/catalog/index.ts';
import { AppModule } from './app.module.ts';
import { Deliveries } from './deliveries.ts';
import type { DeliveryStatus, Pace } from './delivery.ts';
import { pace } from './delivery.ts';
import { Freshness } from './freshness.ts';
import { LinkState } from './link-state.ts';
import type { TrustedTargets } from './target-guard.ts';
import { limitGuessing } from './streams/limit-guessing.ts';
import { Streams } from './streams/streams.ts';

export interface LinkConfig {
  /** Reads `sluice.directives` and `gov.*`, and commits groups `<agreement>.link` by transactional ids `sluice-link.<agreement>`. */
  readonly kafka: KafkaOptions;
  readonly vault: KeyOpener;
  /** Whose directives are followed. */
  readonly checker: SignatureChecker;
  /** Where `/v1/streams`, `/health`, `/ready` and `/status` are served; port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Streams open at once, and of one account; 256 and 8 unless given. */
  readonly streamsOpenMax?: number;
  readonly streamsPerAccountMax?: number;
  /** Targets that are trusted although they are private or speak plain http; looked at anew for each connection. None unless given. */
  readonly trusted?: TrustedTargets;
  /** While no broker answers link tries again, and tells each time why. Unless given, that is a failure. */
  readonly waits?: (failure: Failure) => void;
  /** Told what an operator may want to know; holds no record's value. */
  readonly log?: (sentence: string) => void;
  /** Waiting times, where a test or an operator wants others. */
  readonly pace?: Partial<Pace>;
}

export interface Link {
  /** `http://host:port` */
  readonly address: string;
  /** One entry for each mirror or webhook agreement that is known. */
  status(): readonly DeliveryStatus[];
  stop(): Promise<void>;
}

/**
 * Fails when Kafka cannot be reached, unless it `waits` for that, or the directives cannot be read; a platform that is down is no failure, its
 * delivery waits. What it serves answers from the beginning.
 */
export async function startLink(config: LinkConfig): Promise<Result<Link>> {
  const { waits } = config;
  const paces = { ...pace, ...config.pace };
  const fresh = new Freshness(paces.directiveAgeMsMax);
  const streams = new Streams({
    kafka: config.kafka,
    fresh,
    openMax: config.streamsOpenMax ?? 256,
    openPerAccountMax: config.streamsPerAccountMax ?? 8,
  });
  const state = new LinkState();
  const served = await serve(config, state, streams);
  if (!served.ok) return served;
  const started = await (waits === undefined
    ? deliver(config, paces, fresh, streams)
    : waitForBroker(
        () => deliver(config, paces, fresh, streams),
        (failure) => {
          state.wait(failure);
          waits(failure);
        },
      ));
  if (!started.ok) {
    await served.value.close();
    return during('starting link', started.failure);
  }
  const { deliveries, stop } = started.value;
  state.start(deliveries);
  return ok({
    address: (await served.value.getUrl()).replace('[::1]', 'localhost'),
    status: () => deliveries.status(),
    stop: async () => {
      // Open streams end with their deliveries, and the server waits for none.
      await stop();
      await served.value.close();
    },
  });
}

/** Reads the directives, and begins what they say. */
async function deliver(
  config: LinkConfig,
  paces: Pace,
  fresh: Freshness,
  streams: Streams,
): Promise<Result<{ readonly deliveries: Deliveries; stop(): Promise<void> }>> {
  const cluster = await Cluster.open(config.kafka);
  if (!cluster.ok) return cluster;
  const feed = await DirectiveFeed.open(cluster.value, config.checker, ({ message }) => config.log?.(message));
  if (!feed.ok) {
    await cluster.value.close();
    return feed;
  }
  const deliveries = new Deliveries({
    source: cluster.value,
    feed: feed.value,
    vault: config.vault,
    log: config.log ?? (() => undefined),
    pace: paces,
    fresh,
    trusted: config.trusted ?? new Set(),
    streams,
  });
  deliveries.start();
  return ok({
    deliveries,
    stop: async () => {
      await deliveries.stop();
      await cluster.value.close();
    },
  });
}

async function serve(config: LinkConfig, state: LinkState, streams: Streams): Promise<Result<NestFastifyApplication>> {
  const adapter = new FastifyAdapter({ forceCloseConnections: true, routerOptions: { maxParamLength: 100 } });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(state, streams), adapter, {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  limitGuessing(adapter.getInstance());
  const { host, port } = config.listen;
  try {
    await app.listen(port, host);
    return ok(app);
  } catch (error) {
    await app.close();
    const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
    if (code === 'EADDRINUSE')
      return fail('port-busy', `port ${port} of ${host} is in use by another program; set SLUICE_LINK_PORT to another one`);
    if (code === 'EADDRNOTAVAIL' || code === 'EACCES') return fail('config-invalid', `cannot listen on ${host}:${port}`);
    throw error;
  }
}
