/** A regional platform: its own broker in its own directory, into which link mirrors; an ordinary client reads and checks what arrives. */
import { Kafka, logLevel } from 'kafkajs';
import { z } from 'zod';
import type { AclGrant } from '../../../libs/adapters/kafka/index.ts';
import { Cluster, KafkaAdmin } from '../../../libs/adapters/kafka/index.ts';
import type { KafkaService } from '../../../libs/adapters/local/index.ts';
import { kafkaJarsDirectory, startKafka } from '../../../libs/adapters/local/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { followTopic } from './follow-topic.ts';
import { GovernedValues } from './governed-values.ts';
import type { Tally } from './platform-process.ts';
import { runPlatform } from './platform-process.ts';
import { Recent } from './recent.ts';

const settings = z.strictObject({
  directory: z.string(),
  heapMb: z.int(),
  /** Sluice's registry, where the governed schemas are. */
  registry: z.string(),
  account: z.string(),
  secret: z.string(),
  /** The account that Sluice writes with, and what it writes. */
  username: z.string(),
  password: z.string(),
  agreement: z.string(),
  topic: z.string(),
  partitions: z.int(),
  /** A field whose values occur once each: a doubled record shows. */
  uniqueField: z.string(),
});

type Settings = z.infer<typeof settings>;

const remembered = 500_000;

runPlatform(settings, async (config, tally) => {
  const service = unwrap(
    await startKafka({ directory: config.directory, jarsDirectory: kafkaJarsDirectory(), heapMb: config.heapMb }),
  );
  try {
    await provision(service, config);
    const reading = await follow(service, config, tally);
    const stop = async (): Promise<void> => {
      await reading.stop();
      await service.stop();
    };
    return { ready: { brokers: service.brokers }, stop };
  } catch (error) {
    await service.stop();
    throw error;
  }
});

/** The topic and the rights that `apps/link/README.md` asks for, and no others. */
async function provision(service: KafkaService, { topic, partitions, username, password, agreement }: Settings): Promise<void> {
  const sasl = { username: service.adminUsername, password: service.adminPassword };
  const cluster = unwrap(await Cluster.open({ brokers: service.brokers, clientId: 'regional-platform', sasl }));
  try {
    const admin = new KafkaAdmin(cluster);
    unwrap(await admin.createTopics([{ name: topic, partitions }]));
    unwrap(await admin.setScramUser(username, password));
    const position = `sluice-mirror.${agreement}`;
    const rights: readonly Omit<AclGrant, 'principal' | 'pattern'>[] = [
      { resource: 'topic', name: topic, operation: 'read' },
      { resource: 'topic', name: topic, operation: 'write' },
      { resource: 'topic', name: topic, operation: 'describe' },
      { resource: 'group', name: position, operation: 'read' },
      { resource: 'transactionalId', name: position, operation: 'write' },
      { resource: 'transactionalId', name: position, operation: 'describe' },
    ];
    unwrap(await admin.allow(rights.map((right) => ({ principal: username, pattern: 'literal', ...right }))));
  } finally {
    await cluster.close();
  }
}

async function follow(service: KafkaService, config: Settings, tally: Tally): Promise<{ stop(): Promise<void> }> {
  const sasl = { mechanism: 'scram-sha-512', username: service.adminUsername, password: service.adminPassword } as const;
  const kafka = new Kafka({ clientId: 'regional-reader', brokers: [...service.brokers], sasl, logLevel: logLevel.NOTHING });
  const values = new GovernedValues({ url: config.registry, account: config.account, secret: config.secret });
  const unique = new Recent(remembered);
  const check = (value: unknown): string | undefined => {
    const id = (value as Readonly<Record<string, unknown>>)[config.uniqueField];
    if (typeof id !== 'string') return 'no unique field';
    return unique.add(id) ? 'doubled' : undefined;
  };
  return followTopic({ kafka, groupId: 'regional-reader', topic: config.topic, values, tally, check });
}
