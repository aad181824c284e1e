import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SpanContext } from '@opentelemetry/api';
import { metrics } from '@opentelemetry/api';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fail, unwrap } from '../base/index.ts';
import {
  endSpan,
  formatTraceparent,
  parseTraceparent,
  readTraceparent,
  spanLinksMax,
  startBatchSpan,
  startGovernedSpan,
  startTelemetry,
  writeTraceparent,
} from './index.ts';

const example = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
function contextOf(text: string): SpanContext {
  const context = parseTraceparent(text);
  if (context === null) throw new Error(`not a trace context: ${text}`);
  return context;
}

describe('traceparent', () => {
  test('reads and writes the example of the recommendation', () => {
    const context = contextOf(example);
    expect(context).toEqual({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      traceFlags: 1,
      isRemote: true,
    });
    expect(formatTraceparent(context)).toBe(example);
  });

  test('takes a later version with more parts and refuses every malformed text', () => {
    expect(parseTraceparent(`01${example.slice(2)}-what-comes-later`)).not.toBeNull();
    const malformed = [
      '',
      `ff${example.slice(2)}`,
      `${example}-more`,
      example.toUpperCase(),
      example.slice(0, -1),
      '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
      '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
    ];
    for (const text of malformed) expect([text, parseTraceparent(text)]).toEqual([text, null]);
  });

  test('replaces the context of a record and leaves its other headers alone', () => {
    const other = new TextEncoder().encode('kept');
    const headers = writeTraceparent(
      [
        ['traceparent', other],
        ['other', other],
      ],
      contextOf(example),
    );
    expect(headers.map(([name]) => name)).toEqual(['other', 'traceparent']);
    expect(readTraceparent(headers)).toEqual(contextOf(example));
    expect(readTraceparent([['traceparent', new Uint8Array(10_000)]])).toBeNull();
    expect(readTraceparent([])).toBeNull();
  });
});

describe('spans and metrics', () => {
  let collector: Server;
  const received: { url: string; type: string; body: Buffer }[] = [];

  beforeAll(async () => {
    collector = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        received.push({ url: request.url ?? '', type: request.headers['content-type'] ?? '', body: Buffer.concat(parts) });
        response.end();
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    collector.closeAllConnections();
    collector.close();
  });

  test('without a collector there are no contexts to write, and nothing is sent', async () => {
    const telemetry = unwrap(await startTelemetry({ serviceName: 'quiet' }));
    const process = startBatchSpan({ name: 'process', links: [contextOf(example)] });
    const governed = startGovernedSpan(process, 'publish', {});
    expect(governed.context).toBeNull();
    endSpan(governed.span);
    endSpan(process);
    await telemetry.shutdown();
    expect(received).toEqual([]);
  });

  test('an address that is not http is refused', async () => {
    expect(await startTelemetry({ serviceName: 's', endpoint: 'localhost:4317' })).toMatchObject({
      ok: false,
      failure: { code: 'config-invalid' },
    });
  });

  test('a collector gets the metrics that others ask for', async () => {
    const { port } = collector.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}`;
    const telemetry = unwrap(await startTelemetry({ serviceName: 'both', endpoint, metricsText: true }));
    metrics.getMeter('sluice').createCounter('sluice.both').add(7, { dataset: 'of-both' });
    expect(await telemetry.metricsText()).toContain('sluice_both_total{dataset="of-both"} 7\n');
    await telemetry.shutdown();
    const sent = received.splice(0).filter(({ url }) => url === '/v1/metrics');
    expect(sent.some(({ body }) => body.includes('sluice.both') && body.includes('of-both'))).toBe(true);
  });

  test('a collector gets the process span with its links, and the governed batch as a trace of its own that names no source', async () => {
    const { port } = collector.address() as AddressInfo;
    const telemetry = unwrap(await startTelemetry({ serviceName: 'sluice-test', endpoint: `http://127.0.0.1:${port}/` }));
    const many = Array.from({ length: 100 }, (_, index) =>
      contextOf(example.replace('00f067aa0ba902b7', (index + 1).toString(16).padStart(16, '0'))),
    );
    const process = startBatchSpan({
      name: 'process raw.x',
      links: [null, ...many, ...many],
      attributes: { 'sluice.dataset': 'x' },
    });
    const first = startGovernedSpan(process, 'publish gov.x.a', { 'sluice.agreement': 'a' });
    const second = startGovernedSpan(process, 'publish gov.x.b', { 'sluice.agreement': 'b' });
    const traces = [process.spanContext().traceId, first.context?.traceId, second.context?.traceId, contextOf(example).traceId];
    expect(new Set(traces).size).toBe(4);
    endSpan(first.span);
    const failed = fail('transaction-failed', 'with a detail that stays out');
    endSpan(second.span, failed.failure);
    endSpan(process);
    await telemetry.shutdown();
    const sent = received.filter((request) => request.url === '/v1/traces');
    expect(sent.map((request) => request.type)).toEqual(['application/x-protobuf']);
    const body = sent[0]?.body ?? Buffer.alloc(0);
    for (const text of ['sluice-test', 'process raw.x', 'publish gov.x.a', 'publish gov.x.b', 'transaction-failed']) {
      expect([text, body.includes(text)]).toEqual([text, true]);
    }
    expect(body.includes('stays out')).toBe(false);
    // Links of the process span: 16 of the records' contexts and the two governed batches, nowhere else.
    expect(occurrences(body, Buffer.from(contextOf(example).traceId, 'hex'))).toBe(spanLinksMax);
    expect(occurrences(body, Buffer.from(process.spanContext().traceId, 'hex'))).toBe(1);
    expect(occurrences(body, Buffer.from(first.context?.traceId ?? '', 'hex'))).toBe(2);
  });
});

test('metrics are text for whoever asks, without a collector, until they end', async () => {
  const telemetry = unwrap(await startTelemetry({ serviceName: 'asked', metricsText: true }));
  metrics.getMeter('sluice').createCounter('sluice.asked', { description: 'asked' }).add(3, { agreement: 'a "b"' });
  expect((await telemetry.metricsText()).split('\n')).toEqual([
    '# HELP sluice_asked_total asked',
    '# TYPE sluice_asked_total counter',
    'sluice_asked_total{agreement="a \\"b\\""} 3',
    '',
  ]);
  expect(startBatchSpan({ name: 'process' }).isRecording()).toBe(false);
  await telemetry.shutdown();
  const quiet = unwrap(await startTelemetry({ serviceName: 'not asked' }));
  metrics.getMeter('sluice').createCounter('sluice.asked').add(3);
  expect(await quiet.metricsText()).toBe('');
});

test('more series than the bound of an agreement by outcome keep their labels', async () => {
  const telemetry = unwrap(await startTelemetry({ serviceName: 'many', metricsText: true }));
  const counter = metrics.getMeter('sluice').createCounter('sluice.many');
  for (let index = 0; index < 6_003; index += 1) counter.add(1, { agreement: `a-${index}` });
  const text = await telemetry.metricsText();
  expect(text.match(/^sluice_many_total\{agreement="a-\d+"\} 1$/gm)).toHaveLength(6_003);
  expect(text).not.toContain('overflow');
  await telemetry.shutdown();
});

function occurrences(body: Buffer, part: Buffer): number {
  let count = 0;
  for (let index = body.indexOf(part); index >= 0; index = body.indexOf(part, index + 1)) count += 1;
  return count;
}
