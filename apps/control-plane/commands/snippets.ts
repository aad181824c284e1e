/** Programs that read one governed stream with one credential: nothing in them is left to fill in. All see committed records alone. */

export interface SnippetValues {
  readonly username: string;
  readonly password: string;
  readonly bootstrapServers: string;
  readonly securityProtocol: 'SASL_PLAINTEXT' | 'SASL_SSL';
  readonly topic: string;
  readonly groupPrefix: string;
  readonly registryUrl: string;
  readonly streamUrl: string | null;
}

export interface Snippets {
  readonly java: string;
  readonly python: string;
  readonly node: string;
  readonly kcat: string;
  /** Null where no address of the streams is known. */
  readonly curl: string | null;
}

/**
 * The values have no quote, backslash or dollar: ids, host names and base64url. They are put in as JSON all the same where the language takes
 * JSON's strings, and between single quotes for a shell.
 */
export function snippetsOf(values: SnippetValues): Snippets {
  return {
    java: java(values),
    python: python(values),
    node: node(values),
    kcat: kcat(values),
    curl: values.streamUrl === null ? null : curl(values, values.streamUrl),
  };
}

const json = (text: string): string => JSON.stringify(text);
const shell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const java = (v: SnippetValues): string => `// org.apache.kafka:kafka-clients, io.confluent:kafka-avro-serializer
import io.confluent.kafka.serializers.KafkaAvroDeserializer;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Read {
  public static void main(String[] args) {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", ${json(v.bootstrapServers)});
    properties.put("security.protocol", ${json(v.securityProtocol)});
    properties.put("sasl.mechanism", "SCRAM-SHA-512");
    properties.put("sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required username=\\"${v.username}\\" password=\\"${v.password}\\";");
    properties.put("group.id", ${json(`${v.groupPrefix}java`)});
    properties.put("isolation.level", "read_committed");
    properties.put("auto.offset.reset", "earliest");
    properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("value.deserializer", KafkaAvroDeserializer.class.getName());
    properties.put("schema.registry.url", ${json(v.registryUrl)});
    properties.put("basic.auth.credentials.source", "USER_INFO");
    properties.put("basic.auth.user.info", ${json(`${v.username}:${v.password}`)});
    try (KafkaConsumer<byte[], Object> consumer = new KafkaConsumer<>(properties)) {
      consumer.subscribe(List.of(${json(v.topic)}));
      while (true) consumer.poll(Duration.ofSeconds(1)).forEach(record -> System.out.println(record.value()));
    }
  }
}
`;

const python = (v: SnippetValues): string => `# pip install "confluent-kafka[avro,schemaregistry]"
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

topic = ${json(v.topic)}
registry = SchemaRegistryClient({"url": ${json(v.registryUrl)}, "basic.auth.user.info": ${json(`${v.username}:${v.password}`)}})
deserialize = AvroDeserializer(registry)
consumer = Consumer({
    "bootstrap.servers": ${json(v.bootstrapServers)},
    "security.protocol": ${json(v.securityProtocol)},
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": ${json(v.username)},
    "sasl.password": ${json(v.password)},
    "group.id": ${json(`${v.groupPrefix}python`)},
    "isolation.level": "read_committed",
    "auto.offset.reset": "earliest",
})
consumer.subscribe([topic])
while True:
    message = consumer.poll(1.0)
    if message is None:
        continue
    if message.error():
        raise SystemExit(message.error())
    print(deserialize(message.value(), SerializationContext(topic, MessageField.VALUE)), flush=True)
`;

const node = (v: SnippetValues): string => `// npm install kafkajs @kafkajs/confluent-schema-registry; save it as read.mjs
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import kafkajs from 'kafkajs';

const kafka = new kafkajs.Kafka({
  brokers: ${JSON.stringify(v.bootstrapServers.split(','))},
  ssl: ${String(v.securityProtocol === 'SASL_SSL')},
  sasl: { mechanism: 'scram-sha-512', username: ${json(v.username)}, password: ${json(v.password)} },
});
const registry = new SchemaRegistry({ host: ${json(v.registryUrl)}, auth: { username: ${json(v.username)}, password: ${json(v.password)} } });
// isolation.level=read_committed is the default; said so that nobody turns it off unawares.
const consumer = kafka.consumer({ groupId: ${json(`${v.groupPrefix}node`)}, readUncommitted: false });
await consumer.connect();
await consumer.subscribe({ topic: ${json(v.topic)}, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const value = message.value === null ? null : await registry.decode(message.value);
    console.log(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part)));
  },
});
`;

const kcat = (v: SnippetValues): string =>
  [
    `kcat -b ${shell(v.bootstrapServers)}`,
    `-X security.protocol=${v.securityProtocol}`,
    '-X sasl.mechanisms=SCRAM-SHA-512',
    `-X ${shell(`sasl.username=${v.username}`)}`,
    `-X ${shell(`sasl.password=${v.password}`)}`,
    '-X isolation.level=read_committed',
    '-X auto.offset.reset=earliest',
    `-s value=avro -r ${shell(withUser(v))}`,
    `-G ${shell(`${v.groupPrefix}kcat`)} ${shell(v.topic)}`,
  ].join(' \\\n  ');

function withUser({ registryUrl, username, password }: SnippetValues): string {
  const url = new URL(registryUrl);
  url.username = username;
  url.password = password;
  return url.toString();
}

/** What is there when it is called, and then it ends; \`&follow=true\` goes on. The stream shows committed records alone (read_committed). */
const curl = (v: SnippetValues, streamUrl: string): string =>
  [
    `curl --fail-with-body --no-buffer --silent --show-error`,
    `--user ${shell(`${v.username}:${v.password}`)}`,
    `--header 'accept: application/x-ndjson'`,
    shell(`${streamUrl}?from=earliest`),
  ].join(' \\\n  ');
