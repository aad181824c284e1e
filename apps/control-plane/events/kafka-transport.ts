/** Settings of Nest's Kafka transport, which carries lifecycle events and nothing else. */
import type { ClientKafkaProxy, KafkaOptions as NestKafkaOptions } from '@nestjs/microservices';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import type { logCreator } from 'kafkajs';
import type { Logger } from 'pino';

import type { KafkaOptions } from '../../../libs/adapters/kafka/index.ts';

type Client = NonNullable<NonNullable<NestKafkaOptions['options']>['client']>;

/** Sends events. */
export function eventClient(kafka: KafkaOptions, logger: Logger): ClientKafkaProxy {
  return ClientProxyFactory.create({
    transport: Transport.KAFKA,
    options: { client: clientOf(kafka, logger), producerOnlyMode: true, producer: { allowAutoTopicCreation: false } },
  });
}

/** Receives events in one group for all instances of an installation. */
export function eventServer(kafka: KafkaOptions, installation: string, logger: Logger): NestKafkaOptions {
  return {
    transport: Transport.KAFKA,
    options: {
      client: clientOf(kafka, logger),
      consumer: { groupId: `sluice.control-plane.${installation}`, allowAutoTopicCreation: false, maxWaitTimeInMs: 500 },
      subscribe: { fromBeginning: true },
    },
  };
}

function clientOf({ brokers, clientId, sasl, tls }: KafkaOptions, logger: Logger): Client {
  const base: Client = { brokers: [...brokers], clientId, ssl: tls === true, logCreator: quietLog(logger) };
  return sasl === undefined ? base : { ...base, sasl: { mechanism: 'scram-sha-512', ...sasl } };
}

/** The library's sentences, without what it attaches. */
const quietLog =
  (logger: Logger): logCreator =>
  () =>
  ({ log }) =>
    logger.debug(`kafkajs: ${log.message}`);
