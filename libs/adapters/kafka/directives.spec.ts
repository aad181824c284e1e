/** Directives on a real broker: their order, their signatures, and what becomes of an agreement whose last word cannot be trusted. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { fail, topicNames, unwrap } from '../../base/index.ts';
import type { Directive, SignatureChecker, Signer } from '../../catalog/index.ts';
import { testKafka, testSigner, uniqueId, withSignedPrograms } from '../../testkit/index.ts';
import type { OutRecord } from './index.ts';
import { Cluster, DirectiveFeed, DirectiveLog, TransactionalProducer } from './index.ts';

let cluster: Cluster;

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  cluster = unwrap(await Cluster.open({ brokers, clientId: 'directives-test', sasl: { username, password } }));
}, 60_000);

afterAll(async () => {
  await cluster?.close();
});

async function inTransaction(producer: TransactionalProducer, name: string, records: readonly OutRecord[]): Promise<void> {
  producer.begin();
  unwrap(await producer.send(name, 0, records));
  unwrap(await producer.commit());
}

describe('directives', () => {
  const directive = (agreement: string, revision: number, state: Directive['state'] = 'started'): Directive => ({
    version: 1,
    agreement,
    dataset: 'd',
    assigner: 'a',
    assignee: 'b',
    revision,
    state,
    programs: [],
    dataKey: { keyId: 'k', epoch: 1, wrapped: '' },
    sealTo: '',
    delivery: { kind: 'kafka' },
  });

  const someProgram: Directive['programs'][number] = {
    writerSchemaId: 1,
    writerSchema: '"string"',
    governedSchemaId: 2,
    governedSchema: '"string"',
    manifest: '{}',
    module: '',
    programHash: '0'.repeat(64),
    signature: '',
  };

  /** Signs as if it were a Program. */
  const asProgram: Signer = { ...testSigner(), sign: (_, payload) => testSigner().sign('program', payload) };

  /** The record by which the control plane publishes it. */
  async function signedRecord(said: Directive, signer: Signer = testSigner()): Promise<OutRecord> {
    const value = Buffer.from(JSON.stringify(said));
    const signature = unwrap(await signer.sign('directive', value));
    return { key: Buffer.from(said.agreement), value, headers: [['sluice-jws', Buffer.from(signature)]] };
  }

  test('are all read before the feed opens, and a lower revision than one seen is ignored', async () => {
    const agreement = uniqueId('agreement');
    const log = unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('instance')));
    unwrap(await log.publish(directive(agreement, 1)));
    unwrap(await log.publish(directive(agreement, 3)));
    const feed = unwrap(await DirectiveFeed.open(cluster, testSigner()));
    expect(feed.current().get(agreement)?.revision).toBe(3);
    unwrap(await log.publish(directive(agreement, 2, 'terminated')));
    unwrap(await log.publish(directive(agreement, 4, 'suspended')));
    const changed: Directive[] = [];
    for (let attempt = 0; attempt < 50 && !changed.some(({ revision }) => revision === 4); attempt += 1) {
      changed.push(...unwrap(await feed.poll(100)).filter((item) => item.agreement === agreement));
    }
    expect(changed.map(({ revision, state }) => [revision, state])).toEqual([[4, 'suspended']]);
    await log.close();
    await feed.close();
  }, 30_000);

  test('that do not run are kept without their Programs, until they start again', async () => {
    const agreement = uniqueId('agreement');
    const log = unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('instance')));
    const publish = async (revision: number, state: Directive['state']): Promise<void> => {
      const said = { ...directive(agreement, revision, state), programs: [someProgram] };
      unwrap(await log.publish(await withSignedPrograms(testSigner(), said)));
    };
    await publish(1, 'started');
    const feed = unwrap(await DirectiveFeed.open(cluster, testSigner()));
    const kept = (): unknown[] => [feed.current().get(agreement)?.state, feed.current().get(agreement)?.programs.length];
    const read = async (state: Directive['state'], revision: number): Promise<void> => {
      await publish(revision, state);
      for (let attempt = 0; attempt < 50 && feed.current().get(agreement)?.revision !== revision; attempt += 1)
        unwrap(await feed.poll(100));
    };
    expect(kept()).toEqual(['started', 1]);
    await read('suspended', 2);
    expect(kept()).toEqual(['suspended', 0]);
    await read('started', 3);
    expect(kept()).toEqual(['started', 1]);
    await read('terminated', 4);
    expect(kept()).toEqual(['terminated', 0]);
    await log.close();
    await feed.close();
  }, 30_000);

  test('that cannot be read suspend their agreement, are reported, and the others of the same poll still count', async () => {
    const [broken, whole] = [uniqueId('agreement'), uniqueId('agreement')];
    const log = unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('instance')));
    unwrap(await log.publish(directive(broken, 1)));
    const reported: string[] = [];
    const feed = unwrap(await DirectiveFeed.open(cluster, testSigner(), ({ message }) => reported.push(message)));
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p') }));
    await inTransaction(producer, topicNames.directives, [
      { key: Buffer.from(broken), value: Buffer.from('{"version":1,"surprise":true}') },
      await signedRecord(directive(whole, 7)),
    ]);
    for (let attempt = 0; attempt < 50 && !feed.current().has(whole); attempt += 1) unwrap(await feed.poll(100));
    expect(feed.current().get(whole)?.revision).toBe(7);
    expect(feed.current().get(broken)?.state).toBe('suspended');
    expect(reported.filter((sentence) => sentence.includes(broken))).toHaveLength(1);
    // The same revision said again makes it good.
    unwrap(await log.publish(directive(broken, 1)));
    for (let attempt = 0; attempt < 50 && feed.current().get(broken)?.state !== 'started'; attempt += 1)
      unwrap(await feed.poll(100));
    expect(feed.current().get(broken)).toMatchObject({ state: 'started', revision: 1 });
    unwrap(await log.publish(directive(broken, 2)));
    for (let attempt = 0; attempt < 50 && feed.current().get(broken)?.revision !== 2; attempt += 1) unwrap(await feed.poll(100));
    expect(feed.current().get(broken)?.state).toBe('started');
    await log.close();
    await feed.close();
  }, 30_000);

  const refusals: readonly (readonly [string, (agreement: string) => Promise<OutRecord>, RegExp])[] = [
    ['has no signature', async (agreement) => ({ ...(await signedRecord(directive(agreement, 9))), headers: [] }), /not signed/],
    [
      'has two',
      async (agreement) => {
        const record = await signedRecord(directive(agreement, 9));
        return { ...record, headers: [...(record.headers ?? []), ...(record.headers ?? [])] };
      },
      /not signed/,
    ],
    [
      'is signed by a key that is not trusted',
      (agreement) => signedRecord(directive(agreement, 9), testSigner('others')),
      /not trusted/,
    ],
    ['is signed as a Program', (agreement) => signedRecord(directive(agreement, 9), asProgram), /none of a directive/],
    [
      'is another one than was signed',
      async (agreement) => ({
        ...(await signedRecord(directive(agreement, 9, 'suspended'))),
        value: Buffer.from(JSON.stringify(directive(agreement, 9))),
      }),
      /not what was signed/,
    ],
    [
      'was signed for another agreement',
      async (agreement) => ({ ...(await signedRecord(directive(uniqueId('other'), 9))), key: Buffer.from(agreement) }),
      /names another agreement/,
    ],
    [
      'has a Program that was approved for another agreement',
      async (agreement) => {
        const { programs } = await withSignedPrograms(testSigner(), { ...directive('other', 9), programs: [someProgram] });
        return signedRecord({ ...directive(agreement, 9), programs });
      },
      /Program of schema 1: the program is not what was signed/,
    ],
    [
      'has a Program that nobody approved',
      (agreement) => signedRecord({ ...directive(agreement, 9), programs: [someProgram] }),
      /Program of schema 1: the signature is none of a program/,
    ],
  ];

  test.each(refusals)('hold their agreement when the newest one %s, whatever it says', async (_, make, why) => {
    const agreement = uniqueId('agreement');
    const log = unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('instance')));
    unwrap(await log.publish(directive(agreement, 1)));
    const reported: string[] = [];
    const feed = unwrap(await DirectiveFeed.open(cluster, testSigner(), ({ message }) => reported.push(message)));
    expect(feed.current().get(agreement)?.state).toBe('started');
    const producer = unwrap(await TransactionalProducer.open(cluster, { transactionalId: uniqueId('p') }));
    await inTransaction(producer, topicNames.directives, [await make(agreement)]);
    for (let attempt = 0; attempt < 50 && feed.current().get(agreement)?.state === 'started'; attempt += 1)
      unwrap(await feed.poll(100));
    expect(feed.current().get(agreement)).toMatchObject({ state: 'suspended', revision: 1 });
    expect(reported.filter((sentence) => sentence.includes(agreement))).toEqual([expect.stringMatching(why)]);
    // Whoever begins then knows of nothing that could be governed.
    const later = unwrap(await DirectiveFeed.open(cluster, testSigner()));
    expect(later.current().get(agreement)?.state).not.toBe('started');
    for (const one of [feed, later]) await one.close();
    await log.close();
  });

  test('are waited for while the keys that they are signed by cannot be had', async () => {
    const agreement = uniqueId('agreement');
    const log = unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('instance')));
    let isAway = false;
    const checker: SignatureChecker = {
      check: (...signed) =>
        isAway ? Promise.resolve(fail('key-service-unreachable', 'Vault is away')) : testSigner().check(...signed),
    };
    const reported: string[] = [];
    const feed = unwrap(await DirectiveFeed.open(cluster, checker, ({ message }) => reported.push(message)));
    isAway = true;
    unwrap(await log.publish(directive(agreement, 1)));
    const reading = (async (): Promise<void> => {
      for (let attempt = 0; attempt < 100 && !feed.current().has(agreement); attempt += 1) unwrap(await feed.poll(100));
    })();
    while (!reported.some((sentence) => sentence.includes('Vault is away')))
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(feed.current().has(agreement)).toBe(false);
    isAway = false;
    await reading;
    expect(feed.current().get(agreement)?.state).toBe('started');
    await feed.close();
    await log.close();
  });

  test('live in a topic of one partition, so that their order is total', async () => {
    const log = unwrap(await DirectiveLog.open(cluster, testSigner(), uniqueId('instance')));
    await log.close();
    const [topicOfDirectives] = await cluster.topics([topicNames.directives]);
    expect(topicOfDirectives?.leaders).toHaveLength(1);
  });
});
