/** The broker's configuration. Every listener is on the loopback address and asks for a password. */

export const adminName = 'admin';
const controllerName = 'controller';

export interface KafkaSettings {
  readonly dataDirectory: string;
  readonly ports: { readonly client: number; readonly controller: number };
  readonly adminPassword: string;
  readonly controllerPassword: string;
  /** How often abandoned transactions are looked for, milliseconds. */
  readonly transactionScanMs: number;
}

/** Text of `server.properties`. Holds passwords: the file must be readable by the owner alone. */
export function serverProperties(settings: KafkaSettings): string {
  const { ports } = settings;
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'log.dirs': settings.dataDirectory,
    listeners: `CLIENT://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `CLIENT://127.0.0.1:${ports.client}`,
    'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT',
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,

    // One mechanism for each listener. The controller listener uses PLAIN: SCRAM accounts live in the log that it serves.
    'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.client.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.client.scram-sha-512.sasl.jaas.config': `${scram} required username="${adminName}" password="${settings.adminPassword}";`,
    'listener.name.controller.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.controller.plain.sasl.jaas.config':
      `${plain} required username="${controllerName}" password="${settings.controllerPassword}" ` +
      `user_${controllerName}="${settings.controllerPassword}";`,
    'connections.max.reauth.ms': 3_600_000,

    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:${adminName};User:${controllerName}`,
    'allow.everyone.if.no.acl.found': false,
    'auto.create.topics.enable': false,

    'num.partitions': 1,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 8,
    'offsets.retention.minutes': 60 * 24 * 365,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': settings.transactionScanMs,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,

    // A record may have 1 MiB; the rest is the batch around it.
    'message.max.bytes': 1_310_720,
    'log.segment.bytes': 128 * 1024 * 1024,
    'log.retention.hours': 168,
    'log.retention.bytes': 4 * 1024 ** 3,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,

    'num.network.threads': 2,
    'num.io.threads': 4,
    'num.recovery.threads.per.data.dir': 2,
    'background.threads': 4,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
}
