/** Makes the next credential of an agreement: a Kafka user that reads its governed topic, in force on the broker before it is answered. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { Cluster, committedOffsets, topicOffsets } from '../../../libs/adapters/kafka/index.ts';
import type { Agreement, CredentialRow, Stores } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { during, fail, groupPrefix, ok, topicNames } from '../../../libs/base/index.ts';
import { requireParticipant } from '../caller.ts';
import { newEvent } from '../events/new-event.ts';
import { digestOfPassword } from '../password-digest.ts';
import type { Caller, ControlPlane } from '../plane.ts';
import { cutAccess } from './cut-access.ts';
import { findAgreement } from './find-agreement.ts';
import { credentialGrants } from './grants.ts';
import { datasetLock } from './locks.ts';
import { byteRateOf, mayBeRead } from './settle-credentials.ts';
import type { Snippets } from './snippets.ts';
import { snippetsOf } from './snippets.ts';

export interface CredentialInput {
  readonly agreement: string;
  /** How long the one before stays valid, seconds; 0 for not at all. */
  readonly overlapSeconds: number;
}

/** Answered once: the password is kept nowhere. */
export interface IssuedCredential {
  readonly agreement: string;
  readonly generation: number;
  readonly username: string;
  readonly password: string;
  /** RFC 3339; null without an end. */
  readonly endsAt: string | null;
  readonly bootstrapServers: string;
  readonly securityProtocol: string;
  readonly saslMechanism: 'SCRAM-SHA-512';
  readonly topic: string;
  readonly groupPrefix: string;
  readonly registryUrl: string;
  /** The same records over HTTP; null where no address is known. */
  readonly streamUrl: string | null;
  readonly snippets: Snippets;
}

/** 256 bits: nothing is guessed, so that a plain digest of it tells nothing. */
const passwordBytes = 32;
/** How long a broker may take to let a new user in, milliseconds. */
const letInWithinMs = 10_000;
const askEveryMs = 25;

/**
 * For the assignee and the operator. The one before stays valid for the overlap, one before that ends now: two live at most. Fails with
 * `conflict` for an agreement that is over, killed, or not delivered to Kafka clients.
 */
export async function issueCredential(
  plane: ControlPlane,
  caller: Caller,
  input: CredentialInput,
): Promise<Result<IssuedCredential>> {
  const seen = await findAgreement(plane, caller, input.agreement);
  if (!seen.ok) return seen;
  const allowed = requireParticipant(caller, seen.value.assignee, 'the assignee', 'subscriber', 'platform');
  if (!allowed.ok) return allowed;
  return plane.database.locked(datasetLock(seen.value.dataset), () => issueLocked(plane, input));
}

async function issueLocked(
  plane: ControlPlane,
  { agreement: id, overlapSeconds }: CredentialInput,
): Promise<Result<IssuedCredential>> {
  const { agreements, credentials } = plane.database.stores;
  const agreement = await agreements.find(id);
  if (!agreement.ok) return agreement;
  if (agreement.value === null) return fail('not-found', `there is no agreement ${id}`);
  const readable = checkReadable(agreement.value);
  if (!readable.ok) return readable;
  const known = await credentials.ofAgreement(id);
  if (!known.ok) return known;
  const rate = byteRateOf(agreement.value);
  if (!rate.ok) return rate;
  const generation = (known.value.at(-1)?.generation ?? 0) + 1;
  const password = randomBytes(passwordBytes).toString('base64url');
  const credential: CredentialRow = {
    agreement: id,
    generation,
    kafkaUser: `${id}.g${generation}`,
    state: 'pending',
    byteRate: rate.value,
    createdAt: new Date(),
    endsAt: agreement.value.expiresAt,
  };
  // What is begun is known before Kafka hears of it: a crash leaves nothing that nobody knows of.
  const added = await credentials.add({
    ...credential,
    digest: digestOfPassword(password),
  });
  if (!added.ok) return added;
  const made = await make(plane, agreement.value, credential, password);
  if (!made.ok) return abandon(plane, credential, made);
  const ended = await plane.database.transaction('storing a credential', (stores) =>
    activate(stores, agreement.value as Agreement, credential, known.value, overlapSeconds),
  );
  if (!ended.ok) return abandon(plane, credential, ended);
  plane.eventsWaiting();
  const cut = await cutAccess(plane, ended.value);
  return cut.ok ? ok(answerOf(plane, agreement.value, credential, password)) : cut;
}

function checkReadable(agreement: Agreement): Result<void> {
  const { id, state, delivery, expiresAt } = agreement;
  if (delivery.kind !== 'kafka')
    return fail('conflict', `agreement ${id} is delivered by ${delivery.kind}: there is nothing to read`);
  const isOver = expiresAt !== null && expiresAt.getTime() <= Date.now();
  if (isOver) return fail('conflict', `agreement ${id} is over`);
  return mayBeRead(agreement) ? ok(undefined) : fail('conflict', `agreement ${id} is ${state} and may not be read`);
}

async function make(
  plane: ControlPlane,
  agreement: Agreement,
  credential: CredentialRow,
  password: string,
): Promise<Result<void>> {
  const { access } = plane.broker;
  const { kafkaUser, byteRate } = credential;
  const user = await access.setUsers([{ name: kafkaUser, password }]);
  if (!user.ok) return user;
  const limited = byteRate === null ? ok(undefined) : await access.setQuotas(new Map([[kafkaUser, byteRate]]));
  if (!limited.ok) return limited;
  const allowed = await access.allow(credentialGrants(kafkaUser, agreement));
  if (!allowed.ok) return allowed;
  return untilLetIn(plane, agreement, kafkaUser, password);
}

/** Tries it as the subscriber will: what was set reaches the brokers a moment later. */
async function untilLetIn(
  { cluster }: ControlPlane,
  agreement: Agreement,
  username: string,
  password: string,
): Promise<Result<void>> {
  const deadlineMs = performance.now() + letInWithinMs;
  const { brokers, tls } = cluster.options;
  const options = {
    brokers,
    clientId: cluster.options.clientId,
    sasl: { username, password },
    ...(tls === undefined ? {} : { tls }),
  };
  for (;;) {
    const opened = await Cluster.open(options);
    let tried: Result<unknown> = opened;
    if (opened.ok) {
      const topic = topicNames.governed(agreement.dataset, agreement.id);
      const offsets = await topicOffsets(opened.value, topic, 'latest');
      tried = offsets.ok ? await committedOffsets(opened.value, `${groupPrefix(agreement.id)}check`, topic) : offsets;
      await opened.value.close();
    }
    if (tried.ok) return ok(undefined);
    if (performance.now() > deadlineMs) return during('waiting until the new credential is let in', tried.failure);
    await sleep(askEveryMs);
  }
}

/** Answers whose Kafka users are to be cut. Fails with `conflict` when it was revoked meanwhile, as the kill switch does without waiting. */
async function activate(
  stores: Stores,
  { dataset, expiresAt }: Agreement,
  credential: CredentialRow,
  known: readonly CredentialRow[],
  overlapSeconds: number,
): Promise<Result<string[]>> {
  const active = await stores.credentials.change(credential, ['pending'], {
    state: 'active',
  });
  if (!active.ok) return active;
  if (!active.value) return fail('conflict', `agreement ${credential.agreement} was cut off meanwhile`);
  const cut: string[] = [];
  const until = new Date(Math.min(Date.now() + overlapSeconds * 1_000, expiresAt?.getTime() ?? Number.POSITIVE_INFINITY));
  for (const earlier of known) {
    if (!['pending', 'active', 'retiring'].includes(earlier.state)) continue;
    const retires = earlier.state === 'active' && overlapSeconds > 0;
    const next = retires ? ({ state: 'retiring', endsAt: until } as const) : ({ state: 'revoked' } as const);
    const changed = await stores.credentials.change(earlier, [earlier.state], next);
    if (!changed.ok) return changed;
    if (!retires) cut.push(earlier.kafkaUser);
  }
  const { agreement, generation } = credential;
  const noted = await stores.events.add(newEvent('credential.issued', agreement, { dataset, generation }));
  return noted.ok ? ok(cut) : noted;
}

/** Nobody was told the password. What cannot be taken back now is found by the reconciliation. */
async function abandon(plane: ControlPlane, credential: CredentialRow, why: Result<unknown>): Promise<Result<never>> {
  await plane.database.stores.credentials.change(credential, ['pending'], {
    state: 'revoked',
  });
  await cutAccess(plane, [credential.kafkaUser]);
  return why.ok
    ? fail('internal', 'making a credential failed')
    : during(`making a credential of ${credential.agreement}`, why.failure);
}

function answerOf(
  plane: ControlPlane,
  { id, dataset }: Agreement,
  credential: CredentialRow,
  password: string,
): IssuedCredential {
  const { bootstrapServers, securityProtocol, registryUrl, streamsUrl } = plane.places();
  const values = {
    username: credential.kafkaUser,
    password,
    bootstrapServers,
    securityProtocol,
    topic: topicNames.governed(dataset, id),
    groupPrefix: groupPrefix(id),
    registryUrl,
    streamUrl: streamsUrl === null ? null : `${streamsUrl}/v1/streams/${id}`,
  };
  return {
    agreement: id,
    generation: credential.generation,
    ...values,
    endsAt: credential.endsAt?.toISOString() ?? null,
    saslMechanism: 'SCRAM-SHA-512',
    snippets: snippetsOf(values),
  };
}
