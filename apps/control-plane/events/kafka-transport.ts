/** Settings of Nest's Kafka transport, which carries lifecycle events and nothing else. */
import type { Socket } from 'node:net';
import { connect, isIP } from 'node:net';
import { connect as tlsConnect } from 'node:tls';

import type { KafkaOptions as NestKafkaOptions } from '@nestjs/microservices';
import { ClientKafka, Transport } from '@nestjs/microservices';
import type { logCreator } from 'kafkajs';
import type { Logger } from 'pino';

import type { KafkaOptions } from '../../../libs/adapters/kafka/index.ts';

type Client = NonNullable<NonNullable<NestKafkaOptions['options']>['client']>;

/** Sends events. */
export function eventClient(kafka: KafkaOptions, logger: Logger): ClientKafka {
  return new ClientKafka({
    client: clientOf(kafka, logger),
    producerOnlyMode: true,
    producer: { allowAutoTopicCreation: false },
  });
}

/** An instance that was killed holds up the others' joining for so long, milliseconds; the broker allows no less than 6 seconds. */
const sessionTimeoutMs = 10_000;

export interface EventServer {
  readonly options: NestKafkaOptions;
  /** Breaks the connections, so that closing does not wait for an answer: joining a group cannot be called off. */
  hangUp(): void;
}

/** Receives events in one group for all instances of an installation. */
export function eventServer(kafka: KafkaOptions, installation: string, logger: Logger): EventServer {
  const sockets = new Set<Socket>();
  let stopping = false;
  const socketFactory: Client['socketFactory'] = ({ host, port, ssl, onConnect }) => {
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = ssl ? tlsConnect({ host, port, ...servername, ...ssl }, onConnect) : connect({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  const options: NestKafkaOptions = {
    transport: Transport.KAFKA,
    options: {
      client: { ...clientOf(kafka, logger), socketFactory },
      consumer: {
        groupId: `sluice.control-plane.${installation}`,
        allowAutoTopicCreation: false,
        maxWaitTimeInMs: 500,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: sessionTimeoutMs,
        retry: { restartOnFailure: () => Promise.resolve(!stopping) },
      },
      subscribe: { fromBeginning: true },
    },
  };
  const hangUp = (): void => {
    stopping = true;
    for (const socket of sockets) socket.destroy(new Error('stopping'));
  };
  return { options, hangUp };
}

function clientOf({ brokers, clientId, sasl, tls }: KafkaOptions, logger: Logger): Client {
  const ssl =
    typeof tls === 'object' ? { ...tls, ...(tls.serverName === undefined ? {} : { servername: tls.serverName }) } : tls === true;
  const base: Client = { brokers: [...brokers], clientId, ssl, logCreator: quietLog(logger) };
  if (sasl === undefined) return base;
  if (sasl.mechanism === 'OAUTHBEARER') {
    const { token } = sasl;
    return { ...base, sasl: { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await token() }) } };
  }
  const { mechanism = 'SCRAM-SHA-512', username, password } = sasl;
  switch (mechanism) {
    case 'PLAIN':
      return { ...base, sasl: { mechanism: 'plain', username, password } };
    case 'SCRAM-SHA-256':
      return { ...base, sasl: { mechanism: 'scram-sha-256', username, password } };
    case 'SCRAM-SHA-512':
      return { ...base, sasl: { mechanism: 'scram-sha-512', username, password } };
  }
}

/** The library's sentences, without what it attaches. */
const quietLog =
  (logger: Logger): logCreator =>
  () =>
  ({ log }) =>
    logger.debug(`kafkajs: ${log.message}`);
