/** What the tests of credentials and of the kill switch share: governed records written as the data plane writes them, and link that serves them. */
import { Cluster, TopicReader, TransactionalProducer } from '../../libs/adapters/kafka/index.ts';
import { LocalFileVault } from '../../libs/adapters/kms/index.ts';
import { RegistryClient } from '../../libs/adapters/registry/index.ts';
import { codecOf, frame, parseSchema } from '../../libs/avro/index.ts';
import { topicNames, unwrap } from '../../libs/base/index.ts';
import { testKafka, uniqueId } from '../../libs/testkit/index.ts';
import type { DataPlane } from '../data-plane/start.ts';
import { startDataPlane } from '../data-plane/start.ts';
import type { Link } from '../link/start.ts';
import { startLink } from '../link/start.ts';
import type { Account, Feed, Fixture } from './control-plane-fixture.ts';
import { expectStatus, readAll } from './control-plane-fixture.ts';

/** Visits as they leave under the agreement of `makeFeed`. */
const visitOf = (number: number): Record<string, unknown> => ({
  id: `token-${number}`,
  phone: `138****${String(number % 10_000).padStart(4, '0')}`,
  cost: number,
  day: 20_000,
  count: null,
});

export interface GovernedWriter {
  /** Writes the next records to partition 0 and commits them. */
  write(count: number): Promise<void>;
  close(): Promise<void>;
}

/** With the governed schema that the agreement has registered. */
export async function governedWriter({ call, cluster }: Fixture, { dataset, agreement }: Feed): Promise<GovernedWriter> {
  const { body } = expectStatus(await call('GET', `/v1/agreements/${agreement}`), 200);
  const id: number = body.programs[0].governedSchemaId;
  const schema = expectStatus(await call('GET', `/registry/schemas/ids/${id}`), 200).body.schema;
  const codec = codecOf(unwrap(parseSchema(schema)));
  const producer = unwrap(
    await TransactionalProducer.open(cluster, {
      transactionalId: uniqueId('governed'),
    }),
  );
  let written = 0;
  return {
    async write(count) {
      producer.begin();
      const records = Array.from({ length: count }, (_, index) => ({
        key: null,
        value: frame(id, unwrap(codec.encode(visitOf(written + index)))),
      }));
      unwrap(await producer.send(topicNames.governed(dataset, agreement), 0, records));
      unwrap(await producer.commit());
      written += count;
    },
    close: () => producer.close(),
  };
}

/** Link over the same Kafka and key file. Targets on the loopback are trusted. */
export async function linkOf({ directory, checker }: Fixture): Promise<Link> {
  const { brokers, username, password } = testKafka();
  const vault = unwrap(await LocalFileVault.open(`${directory}/master.key`));
  return unwrap(
    await startLink({
      kafka: {
        brokers,
        clientId: uniqueId('link'),
        sasl: { username, password },
      },
      vault,
      checker,
      listen: { host: '127.0.0.1', port: 0 },
      trusted: { has: (target) => target.startsWith('127.0.0.1:') },
    }),
  );
}

/** A connection as an account, and whether it may read a topic now. */
export async function readerAs({ name, secret }: Account): Promise<{
  cluster: Cluster;
  reads(topic: string): Promise<boolean>;
}> {
  const { brokers } = testKafka();
  const cluster = unwrap(
    await Cluster.open({
      brokers,
      clientId: uniqueId('as'),
      sasl: { username: name, password: secret },
    }),
  );
  return {
    cluster,
    async reads(topic) {
      const reader = await TopicReader.open(cluster, {
        topic,
        from: 'earliest',
      });
      return reader.ok && (await reader.value.poll(50)).ok;
    },
  };
}

/** A data plane over the same Kafka, keys and registry. */
export async function dataPlaneOf({ directory, checker, address, operator }: Fixture): Promise<DataPlane> {
  const { brokers, username, password } = testKafka();
  const registry = new RegistryClient({ url: `${address}/registry`, username: operator.name, password: operator.secret });
  return unwrap(
    await startDataPlane({
      kafka: { brokers, clientId: uniqueId('plane'), sasl: { username, password } },
      vault: unwrap(await LocalFileVault.open(`${directory}/master.key`)),
      checker,
      registry,
      instance: uniqueId('plane'),
    }),
  );
}

/** Publishes visits over HTTP: `cost` is their number, from `from` on. */
export async function publishVisits({ call }: Fixture, { dataset, publisher }: Feed, from: number, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ id: `person-${from + index}`, phone: '13812345678', cost: from + index, day: 20_000, count: null }),
  );
  const { body } = expectStatus(
    await call('POST', `/v1/datasets/${dataset}/records`, {
      text: `${rows.join('\n')}\n`,
      headers: { 'content-type': 'application/x-ndjson' },
      as: publisher,
    }),
    200,
  );
  if (body.accepted !== count) throw new Error(`${body.accepted} of ${count} visits were taken`);
}

/** Numbers of the visits that have left under an agreement, sorted. */
export async function governedVisits({ call, cluster }: Fixture, { dataset, agreement }: Feed): Promise<number[]> {
  const { body } = expectStatus(await call('GET', `/v1/agreements/${agreement}`), 200);
  const id: number = body.programs[0].governedSchemaId;
  const schema = expectStatus(await call('GET', `/registry/schemas/ids/${id}`), 200).body.schema;
  const codec = codecOf(unwrap(parseSchema(schema)));
  const records = await readAll(cluster, topicNames.governed(dataset, agreement));
  const costs = records.map(
    ({ value }) => (unwrap(codec.decode(value?.subarray(5) ?? new Uint8Array())) as { cost: number }).cost,
  );
  return costs.sort((a, b) => a - b);
}
