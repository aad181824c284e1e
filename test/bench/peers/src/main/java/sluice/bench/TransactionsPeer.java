package sluice.bench;

import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Consume, transform, produce with plain clients: what one poll gave is one transaction, with the offsets of the group in it (KIP-447).
 * Any failure ends the process; the bench then takes no figure.
 */
final class TransactionsPeer {
  private TransactionsPeer() {}

  static void run(Settings settings) throws Exception {
    Schema writer = settings.schema("writer.schema.file");
    Schema projected = Wire.without(writer, "notes");
    Schema governed = settings.schema("governed.schema.file");
    Wire.Reader reader = new Wire.Reader(settings.number("writer.schema.id"), writer, projected, true);
    Wire.Writer encoder = new Wire.Writer(settings.number("governed.schema.id"), governed);
    ClinicPolicy policy = new ClinicPolicy(projected, governed, HexFormat.of().parseHex(settings.text("field.key.hex")));
    String output = settings.text("output.topic");
    Thread main = Thread.currentThread();
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(settings);
        KafkaProducer<byte[], byte[]> producer = producer(settings)) {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(consumer, main)));
      producer.initTransactions();
      consumer.subscribe(List.of(settings.text("input.topic")));
      while (true) {
        ConsumerRecords<byte[], byte[]> polled = consumer.poll(Duration.ofMillis(500));
        if (polled.isEmpty()) continue;
        producer.beginTransaction();
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        for (TopicPartition partition : polled.partitions()) {
          List<ConsumerRecord<byte[], byte[]>> records = polled.records(partition);
          for (ConsumerRecord<byte[], byte[]> record : records) {
            GenericRecord visit = policy.govern(reader.deserialize(record.topic(), record.value()));
            if (visit == null) continue;
            byte[] value = encoder.serialize(output, visit);
            producer.send(new ProducerRecord<>(output, partition.partition(), record.timestamp(), null, value));
          }
          offsets.put(partition, new OffsetAndMetadata(records.get(records.size() - 1).offset() + 1));
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        producer.commitTransaction();
      }
    } catch (WakeupException stopped) {
      return;
    }
  }

  /** A signal wakes the poll, and the clients are closed by the thread that owns them. */
  private static void stop(KafkaConsumer<byte[], byte[]> consumer, Thread main) {
    consumer.wakeup();
    try {
      main.join(5_000);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static KafkaConsumer<byte[], byte[]> consumer(Settings settings) {
    Properties properties = settings.kafka();
    properties.put(ConsumerConfig.GROUP_ID_CONFIG, settings.text("group"));
    properties.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    properties.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    // As many records as a fetch of the data plane gives: a transaction of 500, the default, is mostly commit.
    properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, settings.number("max.poll.records"));
    return new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private static KafkaProducer<byte[], byte[]> producer(Settings settings) {
    Properties properties = settings.kafka();
    properties.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, settings.text("group"));
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, settings.number("batch.size"));
    properties.put(ProducerConfig.LINGER_MS_CONFIG, settings.number("linger.ms"));
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, settings.text("compression.type"));
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }
}
