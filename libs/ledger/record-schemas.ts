/** The record formats of `proto-schemas/avro`, as the code carries them; a tidy test compares the two. */

export const receiptSchemaText = String.raw`{
  "type": "record",
  "name": "Receipt",
  "namespace": "sluice.v1",
  "doc": "Proof of what one Kafka transaction did for one agreement on one input partition. Counts are of data records.",
  "fields": [
    {
      "name": "agreement",
      "type": "string"
    },
    {
      "name": "dataset",
      "type": "string"
    },
    {
      "name": "partition",
      "type": "int",
      "doc": "Partition of the raw topic, which is also that of the governed topic."
    },
    {
      "name": "kind",
      "type": {
        "type": "enum",
        "name": "ReceiptKind",
        "symbols": [
          "governed",
          "gap",
          "replayed"
        ]
      },
      "doc": "A gap says that the raw records from inputFrom to inputTo were lost before they could be read; its counts are 0. A replayed one counts records again that were refused before, some of those from inputFrom to inputTo."
    },
    {
      "name": "apart",
      "type": "boolean",
      "doc": "Whether the agreement was served by a reader of its own, which has a chain of its own."
    },
    {
      "name": "previous",
      "type": {
        "type": "fixed",
        "name": "Sha256",
        "size": 32
      },
      "doc": "SHA-256 of the value of the Receipt before it in its chain, zeros for the first. The Receipts of a dataset and partition are one chain; those of an agreement apart are one for each agreement and partition, and so are the replayed ones of an agreement."
    },
    {
      "name": "directiveRevision",
      "type": "long"
    },
    {
      "name": "programHashes",
      "type": {
        "type": "array",
        "items": "string"
      },
      "doc": "SHA-256 of each Program that ran, hex, sorted."
    },
    {
      "name": "inputFrom",
      "type": "long",
      "doc": "First raw offset."
    },
    {
      "name": "inputTo",
      "type": "long",
      "doc": "Last raw offset, inclusive."
    },
    {
      "name": "inputCount",
      "type": "long"
    },
    {
      "name": "passCount",
      "type": "long"
    },
    {
      "name": "reshapeCount",
      "type": "long"
    },
    {
      "name": "withholdCount",
      "type": "long"
    },
    {
      "name": "refuseCount",
      "type": "long"
    },
    {
      "name": "refusals",
      "type": {
        "type": "map",
        "values": "long"
      },
      "doc": "Refused records by reason, an error code."
    },
    {
      "name": "otherwise",
      "type": {
        "type": "map",
        "values": "long"
      },
      "doc": "Values that the else of a rule replaced in governed records, by field path."
    },
    {
      "name": "inputTimestampMsMax",
      "type": "long",
      "doc": "Newest time of the input records."
    },
    {
      "name": "governedDigest",
      "type": "Sha256",
      "doc": "SHA-256 over key and value of each governed record in offset order, each preceded by its length in 4 bytes big endian, -1 for null."
    },
    {
      "name": "issuedAtMs",
      "type": "long"
    },
    {
      "name": "keyEpoch",
      "type": "int",
      "doc": "Epoch of the agreement's data key that the governed values were made under."
    },
    {
      "name": "suppressCount",
      "type": "long",
      "doc": "Of the withheld records, those of erased subjects."
    }
  ]
}`;

export const quarantinedSchemaText = String.raw`{
  "type": "record",
  "name": "Quarantined",
  "namespace": "sluice.v1",
  "doc": "A refused record or batch. No clear value of it stands here; the original is sealed to the publisher's key.",
  "fields": [
    {
      "name": "dataset",
      "type": "string"
    },
    {
      "name": "agreement",
      "type": [
        "null",
        "string"
      ],
      "doc": "Null where the input is unreadable for every agreement."
    },
    {
      "name": "reason",
      "type": "string",
      "doc": "A code of the error catalogue."
    },
    {
      "name": "field",
      "type": [
        "null",
        "string"
      ],
      "doc": "Path of the field whose rule refused."
    },
    {
      "name": "programHash",
      "type": [
        "null",
        "string"
      ]
    },
    {
      "name": "topic",
      "type": "string"
    },
    {
      "name": "partition",
      "type": "int"
    },
    {
      "name": "offsetFirst",
      "type": "long"
    },
    {
      "name": "offsetLast",
      "type": "long",
      "doc": "Equal to offsetFirst unless a whole batch was refused."
    },
    {
      "name": "timestampMs",
      "type": "long"
    },
    {
      "name": "attempt",
      "type": "int"
    },
    {
      "name": "sealed",
      "type": [
        "null",
        {
          "type": "record",
          "name": "Sealed",
          "doc": "RFC 9180 HPKE, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.",
          "fields": [
            {
              "name": "encapsulatedKey",
              "type": "bytes"
            },
            {
              "name": "ciphertext",
              "type": "bytes"
            }
          ]
        }
      ],
      "doc": "The original once for each source record; null in further refusals of the same one, and for originals over the limit, which stay in the raw topic while it retains them."
    }
  ]
}`;
