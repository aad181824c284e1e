/** Readers of rows and the choice of partitions, without services. */
import { describe, expect, test } from '@jest/globals';

import { murmur2, partitionOfKey, TurnTaker } from './partition-choice.ts';
import { CsvReader } from './csv-records.ts';
import { jsonArrayRows } from './json-array-rows.ts';
import { ndjsonRows } from './ndjson-rows.ts';
import { rowBytesMax } from './rows.ts';
import type { Row } from './rows.ts';
import { Instant, valuesToJson } from './values-to-json.ts';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function collect(rows: AsyncIterable<Row> | Iterable<Row>): Promise<[number, string][]> {
  const collected: [number, string][] = [];
  for await (const { line, content } of rows) {
    collected.push([
      line,
      content.kind === 'json' ? content.text : content.kind === 'bad' ? `! ${content.failure.code}` : content.kind,
    ]);
  }
  return collected;
}

describe('NDJSON', () => {
  test('is cut at line feeds wherever the pieces end, with its lines counted', async () => {
    const text = Buffer.from('\uFEFF{"a":"é"}\n\n  \r\n{"b":"𠮷"}\r\n{"c":1}');
    for (const size of [1, 2, 3, 7, 100]) {
      expect(await collect(ndjsonRows(inPieces(text, size)))).toEqual([
        [1, '{"a":"é"}'],
        [4, '{"b":"𠮷"}\r'],
        [5, '{"c":1}'],
      ]);
    }
  });

  test('with a line over the limit or one that is not UTF-8 loses that line alone', async () => {
    const bytes = Buffer.concat([
      Buffer.alloc(rowBytesMax + 10, 0x78),
      Buffer.from('\n1\n'),
      Buffer.from([0xc4, 0xe3]),
      Buffer.from('\n2\n'),
    ]);
    expect(await collect(ndjsonRows(inPieces(bytes, 65_536)))).toEqual([
      [1, '! record-too-large'],
      [2, '1'],
      [3, '! record-malformed'],
      [4, '2'],
    ]);
  });
});

describe('a JSON array', () => {
  test('is cut at its own commas, not at those in texts or within elements', async () => {
    const text = '[ "a,]\\"[" , {"b":[1,{"c":","}]},3 ]\n';
    expect(await collect(jsonArrayRows(Buffer.from(text)))).toEqual([
      [1, '"a,]\\"[" '],
      [2, '{"b":[1,{"c":","}]}'],
      [3, '3 '],
    ]);
  });

  test('of any depth is scanned without recursion', async () => {
    const deep = `[${'['.repeat(1_000_000)}${']'.repeat(1_000_000)},1]`;
    expect(await collect(jsonArrayRows(Buffer.from(deep)))).toEqual([
      [1, '! record-malformed'],
      [2, '1'],
    ]);
  });
});

describe('CSV', () => {
  const read = (text: string, size: number): unknown[] => {
    const reader = new CsvReader(1_000);
    const records = [];
    for (let at = 0; at < text.length; at += size) records.push(...reader.feed(text.slice(at, at + size)));
    records.push(...reader.end());
    return records.map((record) => ('problem' in record ? [record.line, record.problem] : [record.line, ...record.fields]));
  };

  test('is read as RFC 4180 says, wherever the pieces end', () => {
    const text = 'a,b\r\n"x,""y""\r\nz",\r\n\r\n,\n"",1\nlast,"q"';
    for (const size of [1, 2, 3, 5, 100]) {
      expect(read(text, size)).toEqual([
        [1, 'a', 'b'],
        [3, 'x,"y"\r\nz', ''],
        [5, '', ''],
        [6, '', '1'],
        [7, 'last', 'q'],
      ]);
    }
  });

  test('that is wrong in one line is right again in the next', () => {
    const text = `a"b,1\n"a"b,2\n${'x'.repeat(2_000)},3\nok,4\n"open,5\nand on,6`;
    for (const size of [1, 4, 5_000]) {
      expect(read(text, size)).toEqual([
        [1, 'a quote is within a plain field'],
        [2, 'text follows a closing quote'],
        [3, 'a row is over 1000 characters'],
        [4, 'ok', '4'],
        [6, 'a quote is not closed'],
      ]);
    }
  });
});

describe('partitions', () => {
  /** Source: `UtilsTest.testMurmur2` of Apache Kafka. */
  test.each([
    ['21', -973_932_308],
    ['foobar', -790_332_482],
    ['a-little-bit-long-string', -985_981_536],
    ['a-little-bit-longer-string', -1_486_304_829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
    ['abc', 479_470_107],
  ])('of the key %s are those of Kafka', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash);
    expect(partitionOfKey(Buffer.from(key), 7)).toBe((hash & 0x7fffffff) % 7);
  });

  test('without a key are taken in turn', () => {
    const turns = new TurnTaker();
    expect([0, 1, 2, 3].map(() => turns.next(3))).toEqual([0, 1, 2, 0]);
  });
});

test('typed values of a column file become the JSON of their fields, exactly or not at all', () => {
  const field = (name: string, kind: 'int' | 'long' | 'string' | 'bytes', logicalType?: string) =>
    ({ name, type: logicalType === undefined ? { kind } : { kind, logicalType } }) as const;
  const schema = {
    kind: 'record',
    name: 'R',
    fields: [
      field('day', 'int', 'date'),
      field('millis', 'long', 'timestamp-millis'),
      field('micros', 'long', 'timestamp-micros'),
      field('small', 'int'),
      field('text', 'string'),
      field('bytes', 'bytes'),
    ],
  } as const;
  const moment = new Instant(1_700_000_000_123_456n);
  const whole = new Instant(1_700_000_000_123_000n);
  const values = {
    day: new Date('2024-02-29'),
    millis: whole,
    micros: moment,
    small: 7n,
    text: whole,
    bytes: new Uint8Array([1, 2]),
  };
  expect({ ...valuesToJson(schema, values) }).toEqual({
    day: '2024-02-29',
    millis: 1_700_000_000_123n,
    micros: 1_700_000_000_123_456n,
    small: 7,
    text: '2023-11-14T22:13:20.123Z',
    bytes: 'AQI=',
  });
  expect(valuesToJson(schema, { millis: moment })['millis']).toBeNull();
});
