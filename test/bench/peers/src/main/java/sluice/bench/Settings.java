package sluice.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.avro.Schema;

/** What the bench wrote for this run. Names with the prefix {@code kafka.} go to every Kafka client as they are. */
final class Settings {
  private static final String KAFKA = "kafka.";
  private final Properties given;

  Settings(Properties given) {
    this.given = given;
  }

  String text(String name) {
    String value = given.getProperty(name);
    if (value == null) throw new IllegalArgumentException("the settings lack " + name);
    return value;
  }

  int number(String name) {
    return Integer.parseInt(text(name));
  }

  long longNumber(String name) {
    return Long.parseLong(text(name));
  }

  /** Bootstrap servers and credentials. */
  Properties kafka() {
    Properties kafka = new Properties();
    for (String name : given.stringPropertyNames()) {
      if (name.startsWith(KAFKA)) kafka.setProperty(name.substring(KAFKA.length()), given.getProperty(name));
    }
    return kafka;
  }

  /** The schema in the file that the setting names. */
  Schema schema(String name) throws IOException {
    return new Schema.Parser().parse(Files.readString(Path.of(text(name))));
  }
}
