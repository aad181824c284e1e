/** `sluice read`: a governed stream as its subscriber sees it, with the credential of the agreement. */
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaOptions, ReadRecord } from '../../../libs/adapters/kafka/index.ts';
import { Cluster, TopicReader } from '../../../libs/adapters/kafka/index.ts';
import { RegistryClient } from '../../../libs/adapters/registry/index.ts';
import type { AvroSchema } from '../../../libs/avro/index.ts';
import { codecOf, parseSchema, toJson, unframe } from '../../../libs/avro/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok } from '../../../libs/base/index.ts';
import { secretOf } from '../secret.ts';
import type { Command, Terminal } from '../command.ts';
import { readOptions } from '../command.ts';

const pollMs = 500;

export const read: Command = {
  name: 'read',
  summary: 'reads a governed stream as its subscriber, one JSON object a line',
  usage:
    '--agreement <id> --account <name> --brokers <host:port,...> --registry <url> (--secret <text> | --secret-file <file>) [--max <n>] [--from earliest|latest]',
  help: [
    'Takes the credential of the agreement (POST /v1/agreements/<id>/credentials answers it): its username as --account, its password as the',
    'secret. Finds the governed topic among those that it may see, reads what is committed from its beginning (or, with',
    '--from latest, from now on) and prints each value as JSON. Ends after --max records, or with Ctrl-C. A secret on a command line can be',
    'seen by other accounts of the machine; --secret-file cannot.',
  ].join('\n'),
  async run(args, terminal) {
    const options = readOptions(
      args,
      ['agreement', 'account', 'brokers', 'registry'],
      ['secret', 'secret-file', 'max', 'from', 'tls'],
    );
    if (!options.ok) return options;
    const { agreement, account, brokers, registry, max = 'Infinity', from = 'earliest', tls } = options.value;
    if (from !== 'earliest' && from !== 'latest') return fail('request-invalid', '--from is earliest or latest');
    if (max !== 'Infinity' && !/^[1-9]\d{0,15}$/.test(max)) return fail('request-invalid', '--max is a whole number from 1');
    if (!URL.canParse(registry)) return fail('request-invalid', '--registry is a URL');
    const secret = await secretOf(options.value.secret, options.value['secret-file']);
    if (!secret.ok) return secret;
    const kafka = {
      brokers: brokers.split(','),
      clientId: 'sluice-cli',
      sasl: { username: account, password: secret.value },
      tls: tls !== undefined,
    };
    const cluster = await Cluster.open(kafka);
    if (!cluster.ok) return cluster;
    try {
      const topic = await governedTopic(kafka, agreement);
      if (!topic.ok) return topic;
      const reader = await TopicReader.open(cluster.value, { topic: topic.value, from });
      if (!reader.ok) return reader;
      const values = new Values(new RegistryClient({ url: registry, username: account, password: secret.value }));
      return await print(reader.value, values, Number(max), terminal);
    } finally {
      await cluster.value.close();
    }
  },
};

async function print(reader: TopicReader, values: Values, max: number, { write, stopped }: Terminal): Promise<Result<void>> {
  let printed = 0;
  while (!stopped.aborted) {
    const records = await reader.poll(pollMs);
    if (!records.ok) return records;
    for (const record of records.value) {
      if (stopped.aborted) break;
      const line = await values.line(record);
      if (!line.ok) return during(`reading offset ${record.offset} of partition ${record.partition}`, line.failure);
      write(line.value);
      printed += 1;
      if (printed >= max) return ok(undefined);
    }
  }
  return ok(undefined);
}

/** What a subscriber was given. */
interface SubscriberKafka extends KafkaOptions {
  readonly sasl: { readonly username: string; readonly password: string };
  readonly tls: boolean;
}

/** A broker lists only topics that the account may see: the governed topic names its dataset, which the subscriber need not know. */
async function governedTopic(kafka: SubscriberKafka, agreement: string): Promise<Result<string>> {
  const client = new Kafka({
    clientId: kafka.clientId,
    brokers: [...kafka.brokers],
    ssl: kafka.tls,
    sasl: { mechanism: 'scram-sha-512', ...kafka.sasl },
    logLevel: logLevel.NOTHING,
    retry: { retries: 2 },
  });
  const admin = client.admin();
  try {
    await admin.connect();
    const names = await admin.listTopics();
    const topic = names.find((name) => name.startsWith('gov.') && name.split('.')[2] === agreement);
    if (topic === undefined) return fail('not-found', `the account may read no stream of an agreement ${agreement}`);
    return ok(topic);
  } catch {
    return fail('broker-unreachable', `listing the topics of ${kafka.brokers.join(',')} failed`);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/** Values as JSON lines; the registry is asked once for each schema. */
class Values {
  readonly #registry: RegistryClient;
  readonly #schemas = new Map<number, AvroSchema>();

  constructor(registry: RegistryClient) {
    this.#registry = registry;
  }

  async line({ value }: ReadRecord): Promise<Result<string>> {
    if (value === null) return ok('null');
    const framed = unframe(value);
    if (!framed.ok) return framed;
    const schema = await this.#schema(framed.value.schemaId);
    if (!schema.ok) return schema;
    const decoded = codecOf(schema.value).decode(framed.value.body);
    return decoded.ok ? ok(JSON.stringify(toJson(schema.value, decoded.value))) : decoded;
  }

  async #schema(id: number): Promise<Result<AvroSchema>> {
    const known = this.#schemas.get(id);
    if (known !== undefined) return ok(known);
    const text = await this.#registry.schemaById(id);
    if (!text.ok) return text;
    const schema = parseSchema(text.value);
    if (schema.ok) this.#schemas.set(id, schema.value);
    return schema;
  }
}
