/** `sluice resume`: lets a partition go on whose position is no longer in its topic. */
import { randomBytes } from 'node:crypto';
import { Cluster, committedOffsets, topicOffsets, TransactionalProducer } from '../../../libs/adapters/kafka/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, ok, parseId, topicNames } from '../../../libs/base/index.ts';
import type { ResumeCommand } from '../../../libs/ledger/index.ts';
import { resumeRecord } from '../../../libs/ledger/index.ts';
import { secretOf } from '../secret.ts';
import type { Command } from '../command.ts';
import { readOptions } from '../command.ts';

export const resume: Command = {
  name: 'resume',
  summary: 'lets a partition go on whose position is no longer in its topic',
  usage:
    '<dataset> <partition> --brokers <host:port,...> --account <name> (--secret <text> | --secret-file <file>) [--at earliest|<offset>] [--tls yes]',
  help: [
    'A partition waits when its topic no longer has the next record, or was made anew; Receipts of kind `gap` say what is missing. This writes the',
    'command that lets it go on, at the first record that the topic has when the command is taken, or at an offset. The data plane takes it within a',
    'second or so, once; a partition that does not wait is not moved by it. The account needs WRITE on `sluice.positions` and what the data plane has.',
  ].join('\n'),
  async run(args, { write }) {
    const [dataset, partitionText, ...rest] = args;
    const named = parseId('<dataset>', dataset);
    if (!named.ok) return named;
    if (!/^\d{1,6}$/.test(partitionText ?? '')) return fail('request-invalid', '<partition> is a whole number');
    const options = readOptions(rest, ['brokers', 'account'], ['secret', 'secret-file', 'at', 'tls']);
    if (!options.ok) return options;
    const { brokers, account, at = 'earliest', tls } = options.value;
    if (at !== 'earliest' && !/^\d{1,18}$/.test(at)) return fail('request-invalid', '--at is earliest or an offset');
    const password = await secretOf(options.value.secret, options.value['secret-file']);
    if (!password.ok) return password;
    const cluster = await Cluster.open({
      brokers: brokers.split(','),
      clientId: 'sluice-cli',
      sasl: { username: account, password: password.value },
      tls: tls !== undefined,
    });
    if (!cluster.ok) return cluster;
    try {
      const command = { id: `resume-${randomBytes(8).toString('hex')}`, at: at === 'earliest' ? at : BigInt(at) } as const;
      const told = await tell(cluster.value, named.value, Number(partitionText), command);
      if (told.ok) write(told.value);
      return told.ok ? ok(undefined) : during(`resuming partition ${partitionText} of ${named.value}`, told.failure);
    } finally {
      await cluster.value.close();
    }
  },
};

/** Checks that the offset is one to go on at, writes the command, and says so in one sentence. */
async function tell(cluster: Cluster, dataset: string, partition: number, command: ResumeCommand): Promise<Result<string>> {
  const topic = topicNames.raw(dataset);
  const [earliest, latest] = [await topicOffsets(cluster, topic, 'earliest'), await topicOffsets(cluster, topic, 'latest')];
  if (!earliest.ok) return earliest;
  if (!latest.ok) return latest;
  const [first, next] = [earliest.value[partition], latest.value[partition]];
  if (first === undefined || next === undefined) return fail('not-found', `${topic} has no partition ${partition}`);
  if (command.at !== 'earliest' && (command.at < first || command.at > next))
    return fail('offset-out-of-range', `${topic} has the offsets from ${first}; the next one will be ${next}`);
  const group = `sluice.${dataset}`;
  const committed = await committedOffsets(cluster, group, topic);
  if (!committed.ok) return committed;
  const transactionalId = `sluice.resume.${dataset}.${partition}`;
  const producer = await TransactionalProducer.open(cluster, { transactionalId });
  if (!producer.ok) return producer;
  try {
    producer.value.begin();
    const sent = await producer.value.send(topicNames.positions, 0, [resumeRecord(dataset, partition, command)]);
    const written = sent.ok ? await producer.value.commit() : sent;
    if (!written.ok) return written;
  } finally {
    await producer.value.close();
  }
  const where = command.at === 'earliest' ? `the earliest offset, ${first} now` : `offset ${command.at}`;
  const stands = committed.value.get(partition);
  return ok(
    `Command ${command.id} is written: partition ${partition} of ${topic} goes on at ${where}, if it waits; it stands at ${stands ?? 'no offset'}, and the next record will be ${next}.`,
  );
}
