/** The figures of a data plane for Prometheus and OTLP: read from its feeds when somebody asks, so that counting costs the record path nothing more. */
import type { Attributes, BatchObservableResult, Histogram, Observable } from '@opentelemetry/api';
import { metrics } from '@opentelemetry/api';
import { labelNames, metricNames } from '../../libs/telemetry/index.ts';
import { AgreementLabels } from './agreement-labels.ts';
import { agreementSeriesMax } from './config.ts';
import type { ApartStatus, FeedView } from './feed-status.ts';

export type DurationHistogram = Pick<Histogram, 'record'>;

const meter = () => metrics.getMeter('sluice');

/** How long transactions take, from the first record to the commit, seconds. One for each feed; telemetry has to be started before. */
export function transactionDurations(dataset: string): DurationHistogram {
  const histogram = meter().createHistogram(metricNames.transactionSeconds, {
    unit: 's',
    description: 'Transactions that were committed, from the first record to the commit',
    advice: { explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] },
  });
  const labels = { [labelNames.dataset]: dataset };
  return { record: (seconds) => histogram.record(seconds, labels) };
}

/** What a data plane shows of itself. */
export interface PlaneView {
  feeds(): readonly FeedView[];
  readonly directiveAgeMs: number;
  readonly programCount: number;
  readonly programMisses: number;
}

const whys: readonly ApartStatus['why'][] = ['behind', 'output-failed', 'held', 'gap'];

/** Shows a data plane in the metrics until what is given back is called. */
export function measurePlane(plane: PlaneView, seriesMax = agreementSeriesMax): () => void {
  const labels = new AgreementLabels(seriesMax);
  const instruments = createInstruments();
  const observed = Object.values(instruments);
  const read = (result: BatchObservableResult): void => {
    const tell = (instrument: Observable, value: number, attributes: Attributes = {}): void =>
      result.observe(instrument, value, attributes);
    tell(instruments.directiveAge, plane.directiveAgeMs / 1000);
    tell(instruments.programCacheEntries, plane.programCount);
    tell(instruments.programCacheMisses, plane.programMisses);
    for (const feed of plane.feeds()) tellFeed(feed, instruments, labels, tell);
  };
  const measured = meter();
  measured.addBatchObservableCallback(read, observed);
  return () => measured.removeBatchObservableCallback(read, observed);
}

type Tell = (instrument: Observable, value: number, attributes: Attributes) => void;

function tellFeed(feed: FeedView, instruments: Instruments, labels: AgreementLabels, tell: Tell): void {
  const { status, figures } = feed;
  const dataset = { [labelNames.dataset]: status.dataset };
  for (const { partition, lagRecords, lagSeconds } of figures.lags()) {
    const place = {
      [labelNames.group]: feed.group,
      [labelNames.topic]: feed.topic,
      [labelNames.partition]: String(partition),
    };
    tell(instruments.lagRecords, lagRecords, place);
    tell(instruments.lagSeconds, lagSeconds, place);
  }
  tell(instruments.recordsRead, figures.recordsRead, dataset);
  tell(instruments.batchesRead, figures.batchesRead, dataset);
  tell(instruments.governedBytes, figures.governedBytes, dataset);
  tell(instruments.receipts, figures.receipts, dataset);
  tell(instruments.pendingBytes, feed.pendingBytes, dataset);
  for (const [end, count] of figures.ends) tell(instruments.transactions, count, { ...dataset, [labelNames.end]: end });
  for (const [error, count] of figures.failures) tell(instruments.failures, count, { ...dataset, [labelNames.error]: error });
  const waiting = { gap: status.gaps.length, paused: feed.paused, 'too-few-outputs': status.outputsTooFew.length };
  for (const [state, count] of Object.entries({ assigned: status.partitions.length, ...waiting }))
    tell(instruments.partitions, count, { ...dataset, [labelNames.state]: state });
  for (const why of whys) {
    const count = status.apart.filter((apart) => apart.why === why).length;
    tell(instruments.apartAgreements, count, { ...dataset, [labelNames.why]: why });
  }
  const byAgreement = (instrument: Observable, found: Iterable<readonly [string, number]>, more: Attributes = {}): void => {
    for (const [agreement, sum] of labels.sums(found))
      tell(instrument, sum, { ...dataset, [labelNames.agreement]: agreement, ...more });
  };
  for (const outcome of ['governed', 'withheld', 'refused'] as const) {
    const counts = [...status.agreements].map(([agreement, total]) => [agreement, total[outcome]] as const);
    byAgreement(instruments.agreementRecords, counts, { [labelNames.outcome]: outcome });
  }
  const suppressed = [...status.agreements].map(([agreement, total]) => [agreement, total.suppressed] as const);
  byAgreement(instruments.suppressedRecords, suppressed);
  byAgreement(instruments.programTime, figures.programSeconds);
  byAgreement(
    instruments.apartLag,
    status.apart.map(({ agreement, lagRecords }) => [agreement, lagRecords] as const),
  );
}

type Instruments = ReturnType<typeof createInstruments>;

function createInstruments() {
  const gauge = (name: string, unit: string, description: string): Observable =>
    meter().createObservableGauge(name, { unit, description });
  const counter = (name: string, unit: string, description: string): Observable =>
    meter().createObservableCounter(name, { unit, description });
  return {
    lagRecords: gauge(metricNames.lagRecords, '{record}', 'Committed records of a partition that were not read yet'),
    lagSeconds: gauge(metricNames.lagSeconds, 's', 'Age of the oldest record of a partition that was not read yet'),
    recordsRead: counter(metricNames.recordsRead, '{record}', 'Records read, once whatever the number of agreements'),
    batchesRead: counter(metricNames.batchesRead, '{batch}', 'Batches of the raw topic that were taken in'),
    agreementRecords: counter(metricNames.agreementRecords, '{record}', 'What became of the records under an agreement'),
    suppressedRecords: counter(
      metricNames.suppressedRecords,
      '{record}',
      'Of the withheld records under an agreement, those of erased subjects',
    ),
    programTime: counter(
      metricNames.programSeconds,
      's',
      'Time on the thread for an agreement: Programs and the writing of batches',
    ),
    apartLag: gauge(metricNames.apartLagRecords, '{record}', 'Records by which an agreement served alone is behind the others'),
    apartAgreements: gauge(metricNames.apartAgreements, '{agreement}', 'Agreements that are not served with the others'),
    transactions: counter(metricNames.transactions, '{transaction}', 'Rounds of a feed by how they ended'),
    governedBytes: counter(metricNames.governedBytes, 'By', 'Bytes of the batches that were committed to governed topics'),
    pendingBytes: gauge(metricNames.pendingBytes, 'By', 'Bytes on their way to the brokers'),
    receipts: counter(metricNames.receipts, '{receipt}', 'Receipts committed'),
    failures: counter(metricNames.feedFailures, '{failure}', 'Failures after which a feed began again at what is committed'),
    partitions: gauge(metricNames.partitions, '{partition}', 'Partitions of this process, and those of them that wait'),
    programCacheEntries: gauge(metricNames.programCacheEntries, '{program}', 'Checked Programs that are kept'),
    programCacheMisses: counter(metricNames.programCacheMisses, '{program}', 'Programs that had to be checked'),
    directiveAge: gauge(metricNames.directiveAgeSeconds, 's', 'Time since the directives were last known to be current'),
  };
}
