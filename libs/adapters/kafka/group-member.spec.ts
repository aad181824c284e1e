/** Membership in a group on a real broker: hand-over, a place that is lost, and answers that are lost on their way. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { unwrap } from '../../base/index.ts';
import { testKafka, uniqueId } from '../../testkit/index.ts';
import type { KafkaOptions } from './index.ts';
import { Cluster, GroupMember, KafkaAdmin } from './index.ts';

let options: KafkaOptions;
let cluster: Cluster;

beforeAll(async () => {
  const { brokers, username, password } = testKafka();
  options = { brokers, clientId: 'group-test', sasl: { username, password } };
  cluster = unwrap(await Cluster.open(options));
}, 60_000);

afterAll(async () => {
  await cluster?.close();
});

const lossyClusters: Cluster[] = [];

afterEach(async () => {
  for (const opened of lossyClusters.splice(0)) await opened.close();
});

async function topic(partitions = 1): Promise<string> {
  const name = uniqueId('topic');
  unwrap(await new KafkaAdmin(cluster).createTopics([{ name, partitions }]));
  return name;
}

/** Hands over until each member has this many partitions to serve, and gives them all. */
async function settled(members: readonly GroupMember[], counts: readonly number[]): Promise<number[][]> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const targets = members.map((member) => [...member.target()]);
    if (targets.every((target, index) => target.length === counts[index])) return targets;
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const [index, member] of members.entries()) await member.take(targets[index] ?? []);
  }
  throw new Error(`the group did not settle at ${counts.join(' and ')}`);
}

describe('a group', () => {
  test('gives every partition to one member, shares with a second, and takes all back when it leaves', async () => {
    const name = await topic(4);
    const group = uniqueId('group');
    const first = unwrap(await GroupMember.join(cluster, { group, topic: name }));
    expect(await settled([first], [4])).toEqual([[0, 1, 2, 3]]);
    const second = unwrap(await GroupMember.join(cluster, { group, topic: name }));
    const shared = await settled([first, second], [2, 2]);
    expect(shared.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    await second.leave();
    expect(await settled([first], [4])).toEqual([[0, 1, 2, 3]]);
    await first.leave();
  }, 60_000);

  test('gives a member that was killed its partitions back at once when it comes back under its name', async () => {
    const name = await topic(2);
    const options = { group: uniqueId('group'), topic: name, memberId: 'stable' };
    const killed = unwrap(await GroupMember.join(cluster, options));
    expect(await settled([killed], [2])).toEqual([[0, 1]]);
    // It says nothing more, and the group does not hear that it left.
    const back = unwrap(await GroupMember.join(cluster, options));
    expect(await settled([back], [2])).toEqual([[0, 1]]);
    await back.leave();
    await killed.leave();
  }, 30_000);
});

describe('a member that lost its place and has joined again', () => {
  test('has no place any more for work that it began before, however fresh its new one is', async () => {
    const name = await topic(1);
    const options = { group: uniqueId('group'), topic: name, memberId: 'frozen' };
    const frozen = unwrap(await GroupMember.join(cluster, options));
    const before = frozen.incarnation;
    expect(frozen.place(before)).toMatchObject({ memberId: 'frozen' });
    // The group forgets it, as it does with one that is silent for too long: its next heartbeat is refused, and it joins again.
    await unwrap(await GroupMember.join(cluster, options)).leave();
    for (let attempt = 0; attempt < 100 && frozen.incarnation === before; attempt += 1) {
      await frozen.take(frozen.target());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(frozen.place(before)).toBeUndefined();
    expect(frozen.place(frozen.incarnation)).toMatchObject({ memberId: 'frozen' });
    // What it meant to say of its old place would have the new one refused, again and again.
    await frozen.take([0], before);
    for (let attempt = 0; attempt < 100 && frozen.target().length === 0; attempt += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(frozen.target()).toEqual([0]);
    await frozen.leave();
  }, 30_000);
});

describe('an answer that is lost on its way', () => {
  /** A cluster over which the next heartbeat's answer that assigns partitions does not arrive, once `arm` was called. */
  async function lossy(): Promise<{ cluster: Cluster; arm: () => void; lost: () => number }> {
    const opened = unwrap(await Cluster.open(options));
    lossyClusters.push(opened);
    const call = opened.call.bind(opened) as (...of: unknown[]) => Promise<unknown>;
    let [armed, lost] = [false, 0];
    const losing = async (...of: unknown[]): Promise<unknown> => {
      const answer = await call(...of);
      const assigns = of[1] === 'heartbeat' && (answer as { assignment: object | null }).assignment !== null;
      if (!armed || !assigns) return answer;
      armed = false;
      lost += 1;
      throw new Error('the connection broke');
    };
    opened.call = losing as Cluster['call'];
    return { cluster: opened, arm: () => (armed = true), lost: () => lost };
  }

  /** Two members come to have half of four partitions each, and leave. */
  async function shares(first: GroupMember, second: GroupMember): Promise<void> {
    const shared = await settled([first, second], [2, 2]);
    expect(shared.flat().sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    await second.leave();
    await first.leave();
  }

  test('does not leave a member without the partitions that the group has given to it', async () => {
    const of = { group: uniqueId('group'), topic: await topic(4) };
    const first = unwrap(await GroupMember.join(cluster, of));
    await settled([first], [4]);
    const link = await lossy();
    const second = unwrap(await GroupMember.join(link.cluster, of));
    link.arm();
    await shares(first, second);
    expect(link.lost()).toBe(1);
  }, 60_000);

  test('does not leave a member with partitions that the group has given to another', async () => {
    const of = { group: uniqueId('group'), topic: await topic(4) };
    const link = await lossy();
    const first = unwrap(await GroupMember.join(link.cluster, of));
    await settled([first], [4]);
    link.arm();
    const second = unwrap(await GroupMember.join(cluster, of));
    await shares(first, second);
    expect(link.lost()).toBe(1);
  }, 60_000);
});
