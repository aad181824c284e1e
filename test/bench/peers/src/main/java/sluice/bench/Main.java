package sluice.bench;

import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;

/** {@code Main <command> <settings>}: the settings are a properties file, since a password does not belong on a command line. */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws Exception {
    if (args.length != 2) throw new IllegalArgumentException("Main <streams | transactions | latency> <settings file>");
    Settings settings = new Settings(read(Path.of(args[1])));
    switch (args[0]) {
      case "streams" -> StreamsPeer.run(settings);
      case "transactions" -> TransactionsPeer.run(settings);
      case "latency" -> LatencyProbe.run(settings);
      default -> throw new IllegalArgumentException("there is no " + args[0]);
    }
  }

  private static Properties read(Path file) throws Exception {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      properties.load(reader);
    }
    return properties;
  }
}
