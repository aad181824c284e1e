/** Kafka accounts of the roles that work with records, each with what it needs and no more: nobody but the data plane reads `raw.`. */
import { randomBytes } from 'node:crypto';
import type { AclGrant, KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import type { Result } from '../../libs/base/index.ts';
import { ok, topicNames } from '../../libs/base/index.ts';
import { replayTopics } from '../data-plane/replay/topics.ts';

export interface RoleAccount {
  readonly username: string;
  readonly password: string;
}

export const roleNames = { dataPlane: 'sluice-data-plane', link: 'sluice-link' } as const;

/** Makes the accounts with new passwords, which live in this process only, and grants what they need. */
export async function makeRoleAccounts(admin: KafkaAdmin): Promise<Result<Record<keyof typeof roleNames, RoleAccount>>> {
  const accounts = {
    dataPlane: { username: roleNames.dataPlane, password: randomBytes(24).toString('base64url') },
    link: { username: roleNames.link, password: randomBytes(24).toString('base64url') },
  };
  for (const { username, password } of Object.values(accounts)) {
    const made = await admin.setScramUser(username, password);
    if (!made.ok) return made;
  }
  // A role's account may make no topics, and these two are used by a redrive alone.
  const topics = await admin.createTopics(replayTopics);
  if (!topics.ok) return topics;
  const granted = await admin.allow([...dataPlaneGrants(), ...linkGrants()]);
  return granted.ok ? ok(accounts) : granted;
}

function dataPlaneGrants(): AclGrant[] {
  const principal = roleNames.dataPlane;
  const topic = (name: string, pattern: AclGrant['pattern'], operation: AclGrant['operation']): AclGrant => ({
    principal,
    resource: 'topic',
    name,
    pattern,
    operation,
  });
  return [
    topic(topicNames.directives, 'literal', 'read'),
    topic(topicNames.directives, 'literal', 'describe'),
    topic(topicNames.suppressions, 'literal', 'read'),
    topic(topicNames.suppressions, 'literal', 'describe'),
    topic('raw.', 'prefixed', 'read'),
    topic('raw.', 'prefixed', 'describe'),
    ...['gov.', 'dlq.'].flatMap((name) => [topic(name, 'prefixed', 'write'), topic(name, 'prefixed', 'describe')]),
    topic('gov.', 'prefixed', 'describeConfigs'),
    topic(topicNames.receipts, 'literal', 'write'),
    topic(topicNames.receipts, 'literal', 'describe'),
    ...(['read', 'write', 'describe'] as const).flatMap((operation) => [
      topic(topicNames.positions, 'literal', operation),
      topic(topicNames.dispositions, 'literal', operation),
    ]),
    ...replayGrants(topic),
    ...transactional(principal, 'sluice.'),
    { principal, resource: 'group', name: 'sluice.', pattern: 'prefixed', operation: 'read' },
    { principal, resource: 'group', name: 'sluice.', pattern: 'prefixed', operation: 'describe' },
  ];
}

/** What a redrive takes beside it: it reads what was refused, looks up which records an agreement had, and leaves an audit trail it cannot read. */
function replayGrants(
  topic: (name: string, pattern: AclGrant['pattern'], operation: AclGrant['operation']) => AclGrant,
): AclGrant[] {
  return [
    topic('dlq.', 'prefixed', 'read'),
    topic(topicNames.receipts, 'literal', 'read'),
    topic(topicNames.audit, 'literal', 'write'),
    topic(topicNames.audit, 'literal', 'describe'),
  ];
}

/** Link reads what is governed, and keeps its positions in groups that are named after agreements. */
function linkGrants(): AclGrant[] {
  const principal = roleNames.link;
  return [
    { principal, resource: 'topic', name: topicNames.directives, pattern: 'literal', operation: 'read' },
    { principal, resource: 'topic', name: topicNames.directives, pattern: 'literal', operation: 'describe' },
    { principal, resource: 'topic', name: 'gov.', pattern: 'prefixed', operation: 'read' },
    { principal, resource: 'topic', name: 'gov.', pattern: 'prefixed', operation: 'describe' },
    { principal, resource: 'topic', name: topicNames.deadLetters, pattern: 'literal', operation: 'write' },
    { principal, resource: 'topic', name: topicNames.deadLetters, pattern: 'literal', operation: 'describe' },
    { principal, resource: 'group', name: '*', pattern: 'literal', operation: 'read' },
    { principal, resource: 'group', name: '*', pattern: 'literal', operation: 'describe' },
    ...transactional(principal, 'sluice-link.'),
  ];
}

const transactional = (principal: string, prefix: string): AclGrant[] => [
  { principal, resource: 'transactionalId', name: prefix, pattern: 'prefixed', operation: 'write' },
  { principal, resource: 'transactionalId', name: prefix, pattern: 'prefixed', operation: 'describe' },
];
