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
  recordsRead: 'sluice.records.read',
  /** By agreement and outcome. */
  recordsGoverned: 'sluice.records.governed',
  transactionDuration: 'sluice.transaction.duration',
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

export const headerNames = {
  /** W3C Trace Context, level 1: the header of HTTP requests and of Kafka records. */
  traceparent: 'traceparent',
  /** 16 bytes, keyed: the same for the same source record and agreement. */
  recordId: 'sluice-record-id',
} as const;
