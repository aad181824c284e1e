package sluice.bench;

import java.util.HexFormat;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

/** Kafka Streams with Avro generic records: one stream, one processor, one sink. The partition of a record is kept, its key and headers are not. */
final class StreamsPeer {
  private StreamsPeer() {}

  static void run(Settings settings) throws Exception {
    Schema writer = settings.schema("writer.schema.file");
    Schema projected = Wire.without(writer, "notes");
    Schema governed = settings.schema("governed.schema.file");
    int writerId = settings.number("writer.schema.id");
    int governedId = settings.number("governed.schema.id");
    byte[] fieldKey = HexFormat.of().parseHex(settings.text("field.key.hex"));
    // The sink runs on the thread of the processor, right behind it.
    ThreadLocal<Integer> partition = new ThreadLocal<>();

    StreamsBuilder builder = new StreamsBuilder();
    // A decoder and an encoder for each thread. Streams reads one record ahead on every partition, so no record object is used again.
    ThreadLocal<Wire.Reader> reader = ThreadLocal.withInitial(() -> new Wire.Reader(writerId, writer, projected, false));
    ThreadLocal<Wire.Writer> encoder = ThreadLocal.withInitial(() -> new Wire.Writer(governedId, governed));
    builder.stream(
            settings.text("input.topic"),
            Consumed.with(
                Serdes.serdeFrom(new ByteArraySerializer(), new ByteArrayDeserializer()),
                Serdes.<GenericRecord>serdeFrom(
                    (topic, value) -> {
                      throw new IllegalStateException("nothing is written with the schema of the source");
                    },
                    (topic, bytes) -> reader.get().deserialize(topic, bytes))))
        .process(() -> new Govern(projected, governed, fieldKey, partition))
        .to(
            settings.text("output.topic"),
            Produced.with(
                    Serdes.serdeFrom(new ByteArraySerializer(), new ByteArrayDeserializer()),
                    Serdes.<GenericRecord>serdeFrom(
                        (topic, record) -> encoder.get().serialize(topic, record),
                        (topic, bytes) -> {
                          throw new IllegalStateException("nothing is read with the schema of the sink");
                        }))
                .withStreamPartitioner((topic, key, value, partitions) -> Optional.of(Set.of(partition.get()))));

    KafkaStreams streams = new KafkaStreams(builder.build(), configuration(settings));
    CountDownLatch ended = new CountDownLatch(1);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          ended.countDown();
          return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
    ended.await();
    System.exit(1);
  }

  private static Properties configuration(Settings settings) {
    Properties properties = settings.kafka();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.text("group"));
    properties.put(StreamsConfig.STATE_DIR_CONFIG, settings.text("state.directory"));
    properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, settings.text("processing.guarantee"));
    properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.number("threads"));
    if (!settings.text("commit.interval.ms").isEmpty()) {
      properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.longNumber("commit.interval.ms"));
    }
    properties.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "all");
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), settings.number("batch.size"));
    properties.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), settings.text("compression.type"));
    return properties;
  }

  private static final class Govern extends ContextualProcessor<byte[], GenericRecord, byte[], GenericRecord> {
    private final ClinicPolicy policy;
    private final ThreadLocal<Integer> partition;

    Govern(Schema read, Schema written, byte[] fieldKey, ThreadLocal<Integer> partition) {
      try {
        this.policy = new ClinicPolicy(read, written, fieldKey);
      } catch (java.security.GeneralSecurityException error) {
        throw new IllegalStateException(error);
      }
      this.partition = partition;
    }

    @Override
    public void process(Record<byte[], GenericRecord> record) {
      GenericRecord governed = policy.govern(record.value());
      if (governed == null) return;
      partition.set(context().recordMetadata().orElseThrow().partition());
      context().forward(new Record<>(null, governed, record.timestamp(), new RecordHeaders()));
    }
  }
}
