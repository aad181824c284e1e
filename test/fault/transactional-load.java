import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Sends what the standard input says, one word of command a line, arguments by tabs, and answers "done tag" or "failed tag reason":
 * begin lane; send lane partition key value (base64, null as a hyphen); commit lane tag; abort lane tag; flush lane tag.
 * A lane whose name begins with "t-" is a transactional producer, any other an idempotent one. A failed lane gets a new producer.
 * Arguments: a file of client properties, the topic, a prefix for transactional ids.
 */
final class TransactionalLoad {
  private static final Map<String, Lane> LANES = new HashMap<>();
  private static Properties properties;
  private static String prefix;

  public static void main(String[] args) throws Exception {
    properties = new Properties();
    try (FileInputStream file = new FileInputStream(args[0])) {
      properties.load(file);
    }
    String topic = args[1];
    prefix = args[2];
    properties.put("acks", "all");
    properties.put("enable.idempotence", "true");
    properties.put("linger.ms", "5");
    properties.put("delivery.timeout.ms", "120000");
    System.out.println("ready");
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] words = line.split("\t");
      Lane lane = LANES.computeIfAbsent(words[1], Lane::new);
      if (words[0].equals("send")) {
        lane.send(new ProducerRecord<>(topic, Integer.parseInt(words[2]), bytes(words[3]), bytes(words[4])));
      } else if (words[0].equals("begin")) {
        lane.begin();
      } else {
        String reason = lane.end(words[0]);
        System.out.println(reason == null ? "done " + words[2] : "failed " + words[2] + " " + reason);
      }
    }
    for (Lane lane : LANES.values()) {
      lane.close();
    }
  }

  private static byte[] bytes(String text) {
    return text.equals("-") ? null : Base64.getDecoder().decode(text);
  }

  private static final class Lane {
    private final String name;
    private final boolean transactional;
    private final AtomicReference<Exception> failure = new AtomicReference<>();
    private KafkaProducer<byte[], byte[]> producer;

    Lane(String name) {
      this.name = name;
      this.transactional = name.startsWith("t-");
    }

    void begin() {
      attempt(() -> open().beginTransaction());
    }

    void send(ProducerRecord<byte[], byte[]> record) {
      if (failure.get() == null) {
        attempt(() -> open().send(record, (metadata, error) -> failure.compareAndSet(null, error)));
      }
    }

    /** Null, or why what was sent since the last end may not be there. */
    String end(String how) {
      if (failure.get() == null) {
        attempt(() -> {
          if (how.equals("commit")) {
            open().commitTransaction();
          } else if (how.equals("abort")) {
            open().abortTransaction();
          } else {
            open().flush();
          }
        });
      }
      Exception reason = failure.getAndSet(null);
      if (reason == null) {
        return null;
      }
      close();
      return reason.getClass().getSimpleName();
    }

    void close() {
      if (producer != null) {
        producer.close(java.time.Duration.ofSeconds(5));
        producer = null;
      }
    }

    private KafkaProducer<byte[], byte[]> open() {
      if (producer == null) {
        Properties own = new Properties();
        own.putAll(properties);
        if (transactional) {
          own.put("transactional.id", prefix + name);
          own.put("transaction.timeout.ms", "30000");
        }
        producer = new KafkaProducer<>(own, new ByteArraySerializer(), new ByteArraySerializer());
        if (transactional) {
          producer.initTransactions();
        }
      }
      return producer;
    }

    private void attempt(Runnable work) {
      try {
        work.run();
      } catch (RuntimeException error) {
        failure.compareAndSet(null, error);
      }
    }
  }
}
