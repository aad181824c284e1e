/** Refused records on the test broker, and redrives of them, for tests. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import type { OutRecord, ReadRecord } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { fail, topicNames, unwrap } from '../../../libs/base/index.ts';
import type { Directive } from '../../../libs/catalog/index.ts';
import type { Program } from '../../../libs/govern/index.ts';
import { compile } from '../../../libs/govern/index.ts';
import type { Quarantined, Receipt } from '../../../libs/ledger/index.ts';
import { decodeQuarantined, decodeReceipt } from '../../../libs/ledger/index.ts';
import { stages } from '../../../libs/stages/index.ts';
import { testSigner, uniqueId } from '../../../libs/testkit/index.ts';
import { PlaneFixture, programOf, visit } from '../plane-fixture.ts';
import type { Clock } from './pacer.ts';
import type { OutcomeLine, ReplayConfig, ReplayRequest, ReplaySummary } from './replay.ts';
import { replay } from './replay.ts';

/** Never in clear outside of the raw topic; no rule of the fixture's Programs takes it as an id. */
export const canary = 'canary-7f3a91';

export interface Feed {
  readonly dataset: string;
  readonly agreement: string;
}

export interface Ran {
  readonly lines: readonly OutcomeLine[];
  readonly ended: Result<ReplaySummary>;
}

export interface RunOptions extends Partial<Omit<ReplayRequest, 'dataset' | 'agreement'>> {
  readonly config?: Partial<ReplayConfig>;
  /** Stops it once it has told of so many records. */
  readonly stopAfter?: number;
}

/** As the improved one, and it withholds the record with this number. */
export const withholding = (number: number): Program =>
  unwrap(
    compile({
      schema: programOf('no keys').writerSchema,
      stages,
      terms: {
        channels: { key: 'drop', timestamp: 'keep' },
        rules: [
          { stage: 'filter', at: [], with: { where: `number != ${number}` }, else: 'refuse' },
          { stage: 'drop', at: ['/id'], with: {}, else: 'refuse' },
          { stage: 'keep', at: ['/number'], with: {}, else: 'refuse' },
          { stage: 'mask', at: ['/phone'], with: { first: 3, last: 4, width: 4 }, else: 'refuse' },
        ],
      },
    }),
  );

const nothingMore = (): Promise<Partial<Directive>> => Promise.resolve({});
const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

/** Refused for its id; the phone is unique to the number. */
export const unfit = (number: number, key: string | null = null): OutRecord => ({
  key: key === null ? null : Buffer.from(key),
  value: visit(number, `${canary}-${number}`),
});

export async function keyPair(): Promise<{ readonly sealTo: string; readonly privateKey: Uint8Array }> {
  const pair = await suite.kem.generateKeyPair();
  return {
    sealTo: Buffer.from(await suite.kem.serializePublicKey(pair.publicKey)).toString('base64url'),
    privateKey: new Uint8Array(await suite.kem.serializePrivateKey(pair.privateKey)),
  };
}

export class ReplayFixture {
  readonly plane: PlaneFixture;
  readonly keys: Awaited<ReturnType<typeof keyPair>>;

  private constructor(plane: PlaneFixture, keys: Awaited<ReturnType<typeof keyPair>>) {
    this.plane = plane;
    this.keys = keys;
  }

  static async open(): Promise<ReplayFixture> {
    return new ReplayFixture(await PlaneFixture.open(), await keyPair());
  }

  /** A feed under a Program that refuses these records, each of which is in the quarantine when this resolves. */
  async refused(
    records: readonly OutRecord[],
    more: (agreement: string) => Promise<Partial<Directive>> = nothingMore,
  ): Promise<Feed> {
    const [dataset, agreement] = (await this.plane.dataset(1, 1)) as [string, string];
    await this.plane.direct(dataset, agreement, programOf('tokens'), { sealTo: this.keys.sealTo, ...(await more(agreement)) });
    await this.plane.publish(dataset, 0, records);
    await this.quarantined(dataset, records.length);
    return { dataset, agreement };
  }

  /** Gives the agreement another Program: one that takes any id, because it drops it, unless another is given. */
  async improve(
    { dataset, agreement }: Feed,
    more: Partial<Directive> = {},
    program: Program = programOf('no keys'),
  ): Promise<void> {
    await this.plane.direct(dataset, agreement, program, { revision: 2, sealTo: this.keys.sealTo, ...more });
  }

  async run(feed: Feed, { config, stopAfter, ...request }: RunOptions = {}): Promise<Ran> {
    const lines: OutcomeLine[] = [];
    const stop = new AbortController();
    const ended = await replay(
      {
        kafka: this.plane.kafka,
        vault: this.plane.vault,
        checker: testSigner(),
        registry: { schemaById: (id) => Promise.resolve(fail('schema-unknown', `no schema ${id}`)) },
        account: 'the-operator',
        ...config,
      },
      { id: uniqueId('replay'), ...feed, selection: {}, rate: 10_000, run: true, ...request },
      (line) => {
        lines.push(line);
        if (lines.length === stopAfter) stop.abort();
      },
      stop.signal,
    );
    return { lines, ended };
  }

  /** The numbers that the agreement has under the improved Program, once there are `count` of them and what may be too much has had its time. */
  async numbers({ dataset, agreement }: Feed, count: number): Promise<number[]> {
    const program = programOf('no keys');
    await this.plane.governed(dataset, agreement, program, count);
    const all = await this.plane.governed(dataset, agreement, program, count + 1, 1_000);
    return all.map(({ number }) => number).sort((one, other) => one - other);
  }

  async quarantined(dataset: string, count: number, waitMs?: number): Promise<Quarantined[]> {
    const records = await this.plane.readAll(topicNames.quarantine(dataset), (read) => read.length >= count, waitMs);
    return records.map(({ value }) => unwrap(decodeQuarantined(value ?? new Uint8Array())));
  }

  /** Receipts of what was redriven, with their bytes, in the order in which they were written. */
  async receipts({ agreement }: Feed): Promise<{ readonly receipt: Receipt; readonly value: Uint8Array }[]> {
    const records = await this.everything(topicNames.receipts);
    return records
      .map(({ value }) => ({ receipt: unwrap(decodeReceipt(value ?? new Uint8Array())), value: value ?? new Uint8Array() }))
      .filter(({ receipt }) => receipt.agreement === agreement && receipt.kind === 'replayed');
  }

  /** The audit trail of one redrive. */
  async audit(id: string): Promise<Record<string, unknown>[]> {
    const records = (await this.everything(topicNames.audit)).filter(({ key }) => Buffer.from(key ?? []).toString() === id);
    return records.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()) as Record<string, unknown>);
  }

  /** What a topic has now. */
  everything(topic: string): Promise<ReadRecord[]> {
    return this.plane.readAll(topic, () => false, 1_000);
  }
}

export const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, index) => from + index);

/** Time that passes only while somebody sleeps. */
export function fakeClock(): Clock & { ms: number } {
  const clock = {
    ms: 0,
    nowMs: () => clock.ms,
    sleep: (ms: number) => {
      clock.ms += ms;
      return Promise.resolve();
    },
  };
  return clock;
}
