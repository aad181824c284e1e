import java.io.FileReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.Deserializer;

/**
 * A subscriber with Kafka's own Java client and Avro's own reader. Its properties file is what the API answered with the credential. On the command
 * line: that file, the topic, how many records it takes before it ends, and how long it works on what a poll gave, milliseconds. Prints each record
 * as a line of JSON, as Avro writes it. Ends with 3 when the records do not come.
 */
public final class GovernedReader {
  private GovernedReader() {}

  /** Confluent wire format: a zero byte, the schema's id in 4 bytes, Avro. */
  public static final class AvroDeserializer implements Deserializer<GenericRecord> {
    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
    private String registry;
    private String authorization;

    @Override
    public void configure(Map<String, ?> configs, boolean isKey) {
      registry = String.valueOf(configs.get("schema.registry.url"));
      String user = String.valueOf(configs.get("basic.auth.user.info"));
      authorization = "Basic " + Base64.getEncoder().encodeToString(user.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    @Override
    public GenericRecord deserialize(String topic, byte[] data) {
      if (data == null) return null;
      ByteBuffer buffer = ByteBuffer.wrap(data);
      if (buffer.get() != 0) throw new IllegalStateException("not in Confluent wire format");
      GenericDatumReader<GenericRecord> reader = readers.computeIfAbsent(buffer.getInt(), this::readerOf);
      try {
        return reader.read(null, DecoderFactory.get().binaryDecoder(data, 5, data.length - 5, null));
      } catch (java.io.IOException error) {
        throw new IllegalStateException("not a record of its schema", error);
      }
    }

    private GenericDatumReader<GenericRecord> readerOf(int id) {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id + "/schema")).header("authorization", authorization).build();
      try {
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IllegalStateException("the registry answered " + answer.statusCode());
        return new GenericDatumReader<>(new Schema.Parser().parse(answer.body()));
      } catch (java.io.IOException | InterruptedException error) {
        throw new IllegalStateException("the registry did not answer", error);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (FileReader file = new FileReader(args[0])) {
      properties.load(file);
    }
    String topic = args[1];
    int wanted = Integer.parseInt(args[2]);
    int workMs = args.length > 3 ? Integer.parseInt(args[3]) : 0;
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    // What a person would put beside the answered properties: Avro's own deserializer in place of a vendor's.
    properties.put("value.deserializer", AvroDeserializer.class);
    try (KafkaConsumer<String, GenericRecord> consumer = new KafkaConsumer<>(properties)) {
      consumer.subscribe(List.of(topic));
      int seen = 0;
      while (seen < wanted && System.nanoTime() < deadline) {
        for (ConsumerRecord<String, GenericRecord> record : consumer.poll(Duration.ofMillis(200))) {
          System.out.println(record.value());
          seen += 1;
        }
        Thread.sleep(workMs);
      }
      consumer.commitSync();
      if (seen < wanted) System.exit(3);
    }
  }
}
