import java.io.BufferedWriter;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads topics from their start with isolation read_committed, as an ordinary subscriber, and writes a line for each record:
 * topic, partition, offset, milliseconds of arrival, key, value, headers (name=value, by commas), by tabs; bytes as base64, null as a hyphen.
 * When the standard input ends it reads to the ends that the topics have then, and ends. Arguments: a file of client properties, the topics.
 */
final class CommittedReader {
  private static final Base64.Encoder BASE64 = Base64.getEncoder();
  private static volatile boolean ending = false;

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (FileInputStream file = new FileInputStream(args[0])) {
      properties.load(file);
    }
    properties.put("isolation.level", "read_committed");
    properties.put("enable.auto.commit", "false");
    properties.put("fetch.max.wait.ms", "50");
    properties.put("max.poll.records", "5000");
    Thread input = new Thread(CommittedReader::awaitEnd);
    input.setDaemon(true);
    input.start();
    BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.US_ASCII), 1 << 16);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> places = new ArrayList<>();
      for (int index = 1; index < args.length; index++) {
        consumer.partitionsFor(args[index]).forEach(info -> places.add(new TopicPartition(info.topic(), info.partition())));
      }
      consumer.assign(places);
      consumer.seekToBeginning(places);
      out.write("reading\n");
      out.flush();
      while (!ending) {
        write(consumer, out);
      }
      Map<TopicPartition, Long> ends = consumer.endOffsets(places);
      while (!ends.entrySet().stream().allMatch(end -> consumer.position(end.getKey()) >= end.getValue())) {
        write(consumer, out);
      }
      out.write("ended\n");
      out.flush();
    }
  }

  private static void write(KafkaConsumer<byte[], byte[]> consumer, BufferedWriter out) throws IOException {
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
      out.write(record.topic() + '\t' + record.partition() + '\t' + record.offset() + '\t' + System.currentTimeMillis());
      out.write('\t' + text(record.key()) + '\t' + text(record.value()) + '\t');
      String between = "";
      for (Header header : record.headers()) {
        out.write(between + header.key() + '=' + text(header.value()));
        between = ",";
      }
      out.write('\n');
    }
    out.flush();
  }

  private static String text(byte[] bytes) {
    return bytes == null ? "-" : BASE64.encodeToString(bytes);
  }

  private static void awaitEnd() {
    try {
      while (System.in.read() >= 0) {}
    } catch (IOException gone) {
      // The pipe broke with our parent: there is nothing more to wait for.
    }
    ending = true;
  }
}
