package sluice.bench;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Added latency: the receipt of a governed record less the receipt of the same raw record, by one clock of one process. Records are sent
 * at a fixed rate whatever comes back (open loop). A record is known by its timestamp, which every path keeps: the base plus its index.
 *
 * <p>Writes `measuring` once the warm-up was sent, `sent` after the last record, and then one JSON object.
 */
final class LatencyProbe {
  private static final long RECEIPT_TIMEOUT_NANOS = 60_000_000_000L;

  private final Settings settings;
  private final int records;
  private final long baseMs;
  private final long[] rawNanos;
  private final long[] governedNanos;
  private final AtomicInteger governedCount = new AtomicInteger();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private volatile boolean ended;

  private LatencyProbe(Settings settings) {
    this.settings = settings;
    this.records = settings.number("records");
    // An hour ago, so that no record lies in the broker's future.
    this.baseMs = System.currentTimeMillis() - 3_600_000L;
    this.rawNanos = new long[records];
    this.governedNanos = new long[records];
  }

  static void run(Settings settings) throws Exception {
    new LatencyProbe(settings).measure();
  }

  private void measure() throws Exception {
    int warmUp = settings.number("records.warm.up");
    int passing = settings.number("records.passing");
    Thread raw = start("input.topic", rawNanos, "read_uncommitted", new AtomicInteger());
    Thread governed = start("output.topic", governedNanos, "read_committed", governedCount);
    long lastNanos = send(warmUp);
    System.out.println("sent");
    while (governedCount.get() < passing && failure.get() == null) {
      if (System.nanoTime() - lastNanos > RECEIPT_TIMEOUT_NANOS) break;
      Thread.sleep(20);
    }
    // The raw reader is ahead of the path; give it the time to be so.
    Thread.sleep(500);
    ended = true;
    raw.join();
    governed.join();
    if (failure.get() != null) throw new IllegalStateException("a receiver failed", failure.get());
    int[] both =
        IntStream.range(warmUp, records).filter(index -> rawNanos[index] != 0 && governedNanos[index] != 0).toArray();
    double[] addedMs =
        Arrays.stream(both).mapToDouble(index -> (governedNanos[index] - rawNanos[index]) / 1e6).sorted().toArray();
    if (addedMs.length == 0) throw new IllegalStateException("no governed record was received");
    System.out.printf(
        "{\"received\":%d,\"measured\":%d,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}%n",
        governedCount.get(), addedMs.length, at(addedMs, 0.5), at(addedMs, 0.99), addedMs[addedMs.length - 1]);
  }

  private static double at(double[] sorted, double share) {
    return sorted[Math.min(sorted.length - 1, (int) Math.ceil(share * sorted.length) - 1)];
  }

  /** Sends at the rate; what is late is sent at once, and the schedule is not moved. */
  private long send(int warmUp) throws Exception {
    Properties properties = settings.kafka();
    properties.put(ProducerConfig.ACKS_CONFIG, "all");
    properties.put(ProducerConfig.BATCH_SIZE_CONFIG, settings.number("batch.size"));
    properties.put(ProducerConfig.LINGER_MS_CONFIG, settings.number("linger.ms"));
    properties.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, settings.text("compression.type"));
    int partitions = settings.number("partitions");
    double nanosPerRecord = 1e9 / settings.number("records.per.second");
    String topic = settings.text("input.topic");
    byte[] header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    try (KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
        DataInputStream values =
            new DataInputStream(new BufferedInputStream(Files.newInputStream(Path.of(settings.text("values.file"))), 1 << 20))) {
      long start = System.nanoTime();
      for (int index = 0; index < records; index += 1) {
        if (index == warmUp) System.out.println("measuring");
        long due = start + (long) (index * nanosPerRecord);
        // Some microseconds early is as good as on time; the timer of the system is coarser than the gap of two records.
        if (due - System.nanoTime() > 1_000_000L) LockSupport.parkNanos(due - System.nanoTime());
        byte[] value = next(values);
        byte[] key = String.format("key-%032d", index).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, index % partitions, baseMs + index, key, value);
        record.headers().add("traceparent", header);
        producer.send(
            record,
            (done, error) -> {
              if (error != null) failure.compareAndSet(null, error);
            });
      }
      producer.flush();
    }
    return System.nanoTime();
  }

  private static byte[] next(DataInputStream values) throws Exception {
    try {
      byte[] value = new byte[values.readInt()];
      values.readFully(value);
      return value;
    } catch (EOFException error) {
      throw new IllegalStateException("the file holds too few values", error);
    }
  }

  /** Follows every partition of a topic from its start and notes when each record first came. */
  private Thread start(String topicSetting, long[] nanos, String isolation, AtomicInteger count) {
    Thread thread =
        new Thread(
            () -> {
              try {
                follow(topicSetting, nanos, isolation, count);
              } catch (RuntimeException error) {
                failure.compareAndSet(null, error);
              }
            },
            topicSetting);
    thread.start();
    return thread;
  }

  private void follow(String topicSetting, long[] nanos, String isolation, AtomicInteger count) {
    Properties properties = settings.kafka();
    properties.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, isolation);
    properties.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 10_000);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          IntStream.range(0, settings.number("partitions"))
              .mapToObj(partition -> new TopicPartition(settings.text(topicSetting), partition))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      while (!ended) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          long index = record.timestamp() - baseMs;
          if (index < 0 || index >= nanos.length) throw new IllegalStateException("a record has a timestamp of its own");
          if (nanos[(int) index] != 0) continue;
          nanos[(int) index] = System.nanoTime();
          count.incrementAndGet();
        }
      }
    }
  }
}
