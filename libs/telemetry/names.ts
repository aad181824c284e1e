/** The one list of span, metric and attribute names. OpenTelemetry's messaging conventions are in development, so they are kept here only. */

export const spanNames = {
  /** Taking rows over HTTP or from a file into a raw topic. */
  intake: 'intake',
  /** One read of a raw topic through every Program on it. */
  process: 'process',
  /** One agreement's governed batch; the root of its own trace. */
  publish: 'publish',
  /** One governed batch on its way to a platform. */
  deliver: 'deliver',
} as const;

export const metricNames = {
  /** By group, topic and partition, under the name and the labels that dashboards for Kafka know. */
  lagRecords: 'kafka_consumergroup_lag',
  lagSeconds: 'kafka_consumergroup_lag_seconds',
  recordsRead: 'sluice.records.read',
  batchesRead: 'sluice.batches.read',
  /** By agreement and outcome. */
  agreementRecords: 'sluice.agreement.records',
  /** Withheld records of erased subjects, by agreement. */
  suppressedRecords: 'sluice.suppressed.records',
  /** By agreement. */
  programSeconds: 'sluice.program.seconds',
  apartLagRecords: 'sluice.apart.lag.records',
  /** By what keeps them apart. */
  apartAgreements: 'sluice.apart.agreements',
  /** By how they ended. */
  transactions: 'sluice.transactions',
  transactionSeconds: 'sluice.transaction.seconds',
  governedBytes: 'sluice.governed.bytes',
  pendingBytes: 'sluice.pending.bytes',
  receipts: 'sluice.receipts',
  /** By error code. */
  feedFailures: 'sluice.feed.failures',
  /** By what they do. */
  partitions: 'sluice.partitions',
  programCacheEntries: 'sluice.program.cache.entries',
  programCacheMisses: 'sluice.program.cache.misses',
  directiveAgeSeconds: 'sluice.directives.age.seconds',
  /** What the last comparison of Kafka with the database found, by kind. */
  reconcileDrift: 'sluice.reconcile.drift',
  deliveredRecords: 'sluice.link.records.delivered',
  deliveryLagRecords: 'sluice.link.lag.records',
} as const;

export const attributeNames = {
  // OpenTelemetry semantic conventions, messaging (development) and general.
  messagingSystem: 'messaging.system',
  messagingOperation: 'messaging.operation.type',
  messagingDestination: 'messaging.destination.name',
  messagingPartition: 'messaging.destination.partition.id',
  messagingGroup: 'messaging.consumer.group.name',
  messagingBatchCount: 'messaging.batch.message_count',
  messagingOffset: 'messaging.kafka.offset',
  httpStatus: 'http.response.status_code',
  errorType: 'error.type',
  serverAddress: 'server.address',
  // Ours.
  agreement: 'sluice.agreement',
  dataset: 'sluice.dataset',
  outcome: 'sluice.outcome',
  programHash: 'sluice.program.hash',
  offsetFirst: 'sluice.offset.first',
  offsetLast: 'sluice.offset.last',
  delivery: 'sluice.delivery',
} as const;

/** Labels of the data plane's figures: as short as those of the exporters of Kafka's own, for they are typed into queries. */
export const labelNames = {
  group: 'consumergroup',
  topic: 'topic',
  partition: 'partition',
  dataset: 'dataset',
  agreement: 'agreement',
  outcome: 'outcome',
  /** How a transaction ended. */
  end: 'end',
  /** What keeps an agreement apart. */
  why: 'why',
  state: 'state',
  error: 'error',
  /** What a difference is about. */
  kind: 'kind',
} as const;

export const headerNames = {
  /** W3C Trace Context, level 1: the header of HTTP requests and of Kafka records. */
  traceparent: 'traceparent',
  /** 16 bytes, keyed: the same for the same source record and agreement. */
  recordId: 'sluice-record-id',
} as const;
