/** What Kafka should look like, from the database alone. */
import type { TopicSpec } from '../../../libs/adapters/kafka/index.ts';
import type { AgreementOutline, CredentialRow, Dataset } from '../../../libs/adapters/postgres/index.ts';
import type { Result } from '../../../libs/base/index.ts';
import { ok, topicNames } from '../../../libs/base/index.ts';
import type { ControlPlane } from '../plane.ts';
import { governedTopicOf, topicsOf } from './desired-topics.ts';
import { credentialGrants, publisherGrants } from './grants.ts';
import type { DesiredAccess, DesiredUser } from './reconcile-plan.ts';

export interface DesiredState {
  readonly access: DesiredAccess;
  readonly topics: readonly TopicSpec[];
  /** Datasets whose topics are ours. */
  readonly datasets: ReadonlySet<string>;
  /** Topics of agreements that are over: they stay, and are not made again. */
  readonly kept: ReadonlySet<string>;
  readonly outlines: ReadonlyMap<string, AgreementOutline>;
  /** By Kafka user. */
  readonly credentials: ReadonlyMap<string, CredentialRow>;
  /** Participant of each account that is a Kafka user. */
  readonly accounts: ReadonlyMap<string, string>;
}

/** A credential that is being made is nobody's business yet: it is neither among the users, nor touched. */
export async function desiredState(plane: Pick<ControlPlane, 'database' | 'reservedAccounts'>): Promise<Result<DesiredState>> {
  const { agreements, credentials, datasets, participants } = plane.database.stores;
  const outlines = await agreements.outlines();
  if (!outlines.ok) return outlines;
  const listed = await credentials.list();
  if (!listed.ok) return listed;
  const catalog = await datasets.list();
  if (!catalog.ok) return catalog;
  const kafkaAccounts = await participants.kafkaAccounts();
  if (!kafkaAccounts.ok) return kafkaAccounts;
  const byId = new Map(outlines.value.map((outline) => [outline.id, outline]));
  const accounts = kafkaAccounts.value.filter(({ name }) => !plane.reservedAccounts.has(name));
  return ok({
    access: {
      users: new Map([...credentialUsers(listed.value, byId), ...accountUsers(accounts, catalog.value)]),
      agreements: new Set(byId.keys()),
      making: new Set(listed.value.filter(({ state }) => state === 'pending').map(({ kafkaUser }) => kafkaUser)),
    },
    ...topicsWanted(catalog.value, outlines.value),
    outlines: byId,
    credentials: new Map(listed.value.map((credential) => [credential.kafkaUser, credential])),
    accounts: new Map(accounts.map(({ name, participant }) => [name, participant])),
  });
}

const isOver = ({ state }: AgreementOutline): boolean => state === 'completed' || state === 'terminated';

function credentialUsers(
  credentials: readonly CredentialRow[],
  agreements: ReadonlyMap<string, AgreementOutline>,
): [string, DesiredUser][] {
  return credentials.flatMap((credential): [string, DesiredUser][] => {
    const { kafkaUser, state, byteRate } = credential;
    const agreement = agreements.get(credential.agreement);
    if (state === 'pending') return [];
    const exists = agreement !== undefined && !isOver(agreement) && (state === 'active' || state === 'retiring');
    const grants = exists ? credentialGrants(kafkaUser, agreement) : [];
    return [
      [
        kafkaUser,
        {
          kind: 'credential',
          exists,
          grants,
          byteRate: exists ? byteRate : null,
        },
      ],
    ];
  });
}

interface KafkaAccount {
  readonly name: string;
  readonly participant: string;
  readonly isActive: boolean;
}

function accountUsers(accounts: readonly KafkaAccount[], datasets: readonly Dataset[]): [string, DesiredUser][] {
  const published = Map.groupBy(datasets, ({ publisher }) => publisher);
  return accounts.map(({ name, participant, isActive }) => {
    const own = isActive ? (published.get(participant) ?? []) : [];
    const grants = own.flatMap(({ id }) => publisherGrants(name, id));
    return [name, { kind: 'account', exists: true, grants, byteRate: null }];
  });
}

function topicsWanted(
  datasets: readonly Dataset[],
  agreements: readonly AgreementOutline[],
): Pick<DesiredState, 'topics' | 'datasets' | 'kept'> {
  const byId = new Map(datasets.map((dataset) => [dataset.id, dataset]));
  const live = agreements.filter((agreement) => !isOver(agreement));
  return {
    topics: [
      ...datasets.flatMap(topicsOf),
      ...live.flatMap(({ id, dataset }) => {
        const of = byId.get(dataset);
        return of === undefined ? [] : [governedTopicOf(of, id)];
      }),
    ],
    datasets: new Set(byId.keys()),
    kept: new Set(agreements.filter(isOver).map(({ id, dataset }) => topicNames.governed(dataset, id))),
  };
}
