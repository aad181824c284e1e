package sluice.bench;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/** W1 under P1h, as test/bench/policies/p1h.yaml describes it, on generic records. Not for two threads at once. */
final class ClinicPolicy {
  private static final Set<String> DEPARTMENTS = Set.of("internal", "surgery", "pediatrics", "emergency");
  private static final HexFormat HEX = HexFormat.of();
  private static final int TOKEN_BYTES = 16;

  private final GenericRecord governed;
  /** Index = position of a governed field; where it is in the record that was read. */
  private final int[] from;
  private final int inCost;
  private final int inDept;
  private final int residentId;
  private final int name;
  private final int phone;
  private final int birthDate;
  private final int districtCode;
  private final int address;
  private final Mac mac;
  private final Map<Integer, String> bands = new HashMap<>();

  ClinicPolicy(Schema read, Schema written, byte[] fieldKey) throws GeneralSecurityException {
    governed = new GenericData.Record(written);
    from = written.getFields().stream().mapToInt(field -> read.getField(field.name()).pos()).toArray();
    inCost = read.getField("cost").pos();
    inDept = read.getField("dept").pos();
    residentId = written.getField("residentId").pos();
    name = written.getField("name").pos();
    phone = written.getField("phone").pos();
    birthDate = written.getField("birthDate").pos();
    districtCode = written.getField("districtCode").pos();
    address = written.getField("address").pos();
    mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(fieldKey, "HmacSHA256"));
  }

  /** The governed record, which the next call writes again; null where the row is withheld. */
  GenericRecord govern(GenericRecord visit) {
    if ((double) visit.get(inCost) < 50.0 || !DEPARTMENTS.contains(visit.get(inDept).toString())) return null;
    for (int position = 0; position < from.length; position += 1) governed.put(position, visit.get(from[position]));
    governed.put(residentId, token(governed.get(residentId).toString()));
    governed.put(name, keepFirst(governed.get(name).toString()));
    governed.put(phone, maskMiddle(governed.get(phone).toString()));
    governed.put(birthDate, bands.computeIfAbsent((int) governed.get(birthDate), ClinicPolicy::fiveYears));
    governed.put(districtCode, firstPoints(governed.get(districtCode).toString(), 4));
    governed.put(address, maskRest(governed.get(address).toString(), 9));
    return governed;
  }

  private String token(String value) {
    return HEX.formatHex(mac.doFinal(value.getBytes(StandardCharsets.UTF_8)), 0, TOKEN_BYTES);
  }

  private static String keepFirst(String text) {
    int points = text.codePointCount(0, text.length());
    if (points <= 1) return "*";
    return text.substring(0, text.offsetByCodePoints(0, 1)) + "*".repeat(points - 1);
  }

  /** Phones are digits. */
  private static String maskMiddle(String digits) {
    if (digits.length() <= 7) return "****";
    return digits.substring(0, 3) + "****" + digits.substring(digits.length() - 4);
  }

  private static String fiveYears(int days) {
    int low = Math.floorDiv(LocalDate.ofEpochDay(days).getYear(), 5) * 5;
    return String.format("%04d/%04d", low, low + 4);
  }

  private static String firstPoints(String text, int count) {
    if (text.codePointCount(0, text.length()) <= count) return text;
    return text.substring(0, text.offsetByCodePoints(0, count));
  }

  private static String maskRest(String text, int count) {
    if (text.codePointCount(0, text.length()) <= count) return "***";
    return text.substring(0, text.offsetByCodePoints(0, count)) + "***";
  }
}
