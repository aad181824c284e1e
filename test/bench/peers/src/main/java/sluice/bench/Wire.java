package sluice.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** Avro behind 0x00 and a schema id of four bytes, big endian (Confluent wire format). Decoders and encoders are used again and again. */
final class Wire {
  private static final int HEADER_BYTES = 5;

  private Wire() {}

  /** The schema without a field that nobody downstream reads: the reader skips it. */
  static Schema without(Schema schema, String dropped) {
    List<Schema.Field> fields =
        schema.getFields().stream()
            .filter(field -> !field.name().equals(dropped))
            .map(field -> new Schema.Field(field, field.schema()))
            .toList();
    return Schema.createRecord(schema.getName(), schema.getDoc(), schema.getNamespace(), false, fields);
  }

  static final class Reader implements Deserializer<GenericRecord> {
    private final int schemaId;
    private final boolean reusesRecord;
    private final GenericDatumReader<GenericRecord> reader;
    private BinaryDecoder decoder;
    private GenericRecord record;

    /** `reusesRecord`: the same record object every time, for a caller who is done with one before it reads the next. */
    Reader(int schemaId, Schema writer, Schema projected, boolean reusesRecord) {
      this.schemaId = schemaId;
      this.reusesRecord = reusesRecord;
      this.reader = new GenericDatumReader<>(writer, projected);
    }

    @Override
    public GenericRecord deserialize(String topic, byte[] bytes) {
      if (bytes.length < HEADER_BYTES || bytes[0] != 0 || ByteBuffer.wrap(bytes).getInt(1) != schemaId) {
        throw new SerializationException("a value is not framed with schema " + schemaId);
      }
      decoder = DecoderFactory.get().binaryDecoder(bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, decoder);
      try {
        record = reader.read(reusesRecord ? record : null, decoder);
      } catch (IOException error) {
        throw new SerializationException("a value is malformed", error);
      }
      return record;
    }
  }

  static final class Writer implements Serializer<GenericRecord> {
    private final byte[] header;
    private final GenericDatumWriter<GenericRecord> writer;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(1024);
    private BinaryEncoder encoder;

    Writer(int schemaId, Schema schema) {
      this.header = ByteBuffer.allocate(HEADER_BYTES).put((byte) 0).putInt(schemaId).array();
      this.writer = new GenericDatumWriter<>(schema);
    }

    @Override
    public byte[] serialize(String topic, GenericRecord record) {
      bytes.reset();
      bytes.write(header, 0, HEADER_BYTES);
      encoder = EncoderFactory.get().directBinaryEncoder(bytes, encoder);
      try {
        writer.write(record, encoder);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      return bytes.toByteArray();
    }
  }
}
