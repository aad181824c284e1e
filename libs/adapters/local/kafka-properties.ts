/** The broker's configuration. Every listener is on the loopback address and asks for a password. */

export const adminName = 'admin';
const controllerName = 'controller';

/** One of the processes that are both broker and controller. */
interface KafkaNode {
  readonly id: number;
  readonly controllerPort: number;
}

/** A broker as one of several. Each is given the same cluster. */
export interface KafkaClusterSettings {
  /** 22 characters of base64url, not beginning with a hyphen. */
  readonly clusterId: string;
  readonly nodeId: number;
  readonly nodes: readonly KafkaNode[];
  /** Of every topic that does not say otherwise, Kafka's own included. */
  readonly replicationFactor: number;
  readonly inSyncReplicasMin: number;
}

/** A second listener whose advertised port is another's: clients that come by it are sent through whatever listens there. */
export interface ProxiedListener {
  readonly port: number;
  readonly advertisedPort: number;
}

/** What a broker has besides: listeners of other kinds, and what they need. */
export interface KafkaBesides {
  /** On the loopback address, by name in capitals. */
  readonly listeners: Readonly<Record<string, { readonly port: number; readonly protocol: 'SSL' | 'SASL_SSL' }>>;
  /** Added to the others, or in their place. */
  readonly properties: Readonly<Record<string, string>>;
  /** Java system properties of the broker. */
  readonly system: Readonly<Record<string, string>>;
}

export interface KafkaSettings {
  readonly dataDirectory: string;
  readonly ports: { readonly client: number; readonly controller: number };
  readonly adminPassword: string;
  readonly controllerPassword: string;
  /** How often abandoned transactions are looked for, milliseconds. */
  readonly transactionScanMs: number;
  /** A single broker unless given. */
  readonly cluster?: KafkaClusterSettings;
  readonly proxied?: ProxiedListener;
  readonly besides?: Pick<KafkaBesides, 'listeners' | 'properties'>;
}

/** Text of `server.properties`. Holds passwords: the file must be readable by the owner alone. */
export function serverProperties(settings: KafkaSettings): string {
  const { ports, cluster, proxied, besides } = settings;
  const more = Object.entries(besides?.listeners ?? {});
  const places = more.map(([name, { port }]) => `,${name}://127.0.0.1:${port}`).join('');
  const replicationFactor = cluster?.replicationFactor ?? 1;
  const inSyncReplicasMin = cluster?.inSyncReplicasMin ?? 1;
  const nodes = cluster?.nodes ?? [{ id: 1, controllerPort: ports.controller }];
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': cluster?.nodeId ?? 1,
    'log.dirs': settings.dataDirectory,
    listeners:
      `CLIENT://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}` +
      (proxied === undefined ? '' : `,PROXIED://127.0.0.1:${proxied.port}`) +
      places,
    'advertised.listeners':
      `CLIENT://127.0.0.1:${ports.client}` +
      (proxied === undefined ? '' : `,PROXIED://127.0.0.1:${proxied.advertisedPort}`) +
      places,
    'listener.security.protocol.map':
      'CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT' +
      (proxied === undefined ? '' : ',PROXIED:SASL_PLAINTEXT') +
      more.map(([name, { protocol }]) => `,${name}:${protocol}`).join(''),
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.voters': nodes.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(','),

    // One mechanism for each listener. The controller listener uses PLAIN: SCRAM accounts live in the log that it serves.
    'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
    'sasl.mechanism.controller.protocol': 'PLAIN',
    'listener.name.client.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.client.scram-sha-512.sasl.jaas.config': `${scram} required username="${adminName}" password="${settings.adminPassword}";`,
    ...(proxied === undefined
      ? {}
      : {
          'listener.name.proxied.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
          'listener.name.proxied.scram-sha-512.sasl.jaas.config': `${scram} required;`,
        }),
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
    'default.replication.factor': replicationFactor,
    'min.insync.replicas': inSyncReplicasMin,
    'offsets.topic.replication.factor': replicationFactor,
    'offsets.topic.num.partitions': 8,
    'offsets.retention.minutes': 60 * 24 * 365,
    'transaction.state.log.replication.factor': replicationFactor,
    'transaction.state.log.min.isr': inSyncReplicasMin,
    'transaction.state.log.num.partitions': 4,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': settings.transactionScanMs,
    'share.coordinator.state.topic.replication.factor': replicationFactor,
    'share.coordinator.state.topic.min.isr': inSyncReplicasMin,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,

    // A member that was killed holds its partitions until its session has ended: by default for 45 seconds.
    'group.consumer.session.timeout.ms': 6_000,
    'group.consumer.min.session.timeout.ms': 6_000,
    'group.consumer.heartbeat.interval.ms': 1_500,
    'group.consumer.min.heartbeat.interval.ms': 1_000,

    // A record may have 1 MiB; the rest is the batch around it.
    'message.max.bytes': 1_310_720,
    'log.segment.bytes': 128 * 1024 * 1024,
    'log.retention.hours': 168,
    'log.retention.bytes': 4 * 1024 ** 3,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,

    // The system's own, which grow: with Kafka's 100 KiB a large answer waits for its reader again and again.
    'socket.send.buffer.bytes': -1,
    'socket.receive.buffer.bytes': -1,

    'num.network.threads': 3,
    'num.io.threads': 4,
    'num.recovery.threads.per.data.dir': 2,
    'background.threads': 4,
    ...besides?.properties,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
}
