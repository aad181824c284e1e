/** Hard limits. Each is checked where input enters; nothing here is tunable per tenant. */
export const limits = {
  /** Largest record, bytes of key, value and headers together; with its batch it fits a topic of Kafka's default size. */
  recordBytesMax: 1_000_000,
  /** Largest decompressed RecordBatch, bytes. */
  batchBytesMax: 64 * 1024 * 1024,
  /** Largest ratio of decompressed to compressed bytes of one RecordBatch. */
  batchRatioMax: 1024,
  /** Most records in one RecordBatch. */
  batchRecordsMax: 1_000_000,
  /** Deepest nesting of a value. */
  depthMax: 64,
  /** Most items of arrays and maps in one record whose items have no bytes. */
  emptyItemsMax: 10_000,
  /** Largest schema text, bytes. */
  schemaBytesMax: 256 * 1024,
  /** Most fields of a schema, nested ones included. */
  schemaFieldsMax: 2_000,
  /** Largest policy file, bytes. */
  policyBytesMax: 256 * 1024,
} as const;
