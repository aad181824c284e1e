/** What the commands work with: every outside thing joined once, in `start.ts`, and passed in. */
import type { Cluster, KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import type { Database, ParticipantRole, Reconciliation } from '../../libs/adapters/postgres/index.ts';
import type { Result } from '../../libs/base/index.ts';
import type { DirectivePublisher, KeyVault, SignatureChecker, Signer, SuppressionPublisher } from '../../libs/catalog/index.ts';
import type { Stage } from '../../libs/govern/index.ts';
import type { SchemaAuthority } from './schemas/authority.ts';
import type { Scope } from './scope.ts';

/** The part of Kafka's administration that commands use. */
type Broker = Pick<KafkaAdmin, 'createTopics' | 'topics' | 'topicConfigs' | 'setScramUser' | 'allow' | 'revoke' | 'access'>;

export interface ControlPlane {
  readonly database: Database;
  /** For what commands read from topics; what they change goes through `broker`. */
  readonly cluster: Cluster;
  readonly broker: Broker;
  readonly directives: DirectivePublisher;
  readonly suppressions: SuppressionPublisher;
  readonly vault: KeyVault;
  /** Signs what was approved. */
  readonly signer: Signer;
  /** Looks at a Program's signature before it leaves: what was approved is what runs. */
  readonly checker: SignatureChecker;
  readonly schemas: SchemaAuthority;
  readonly stages: readonly Stage[];
  /** Account names that belong to Sluice's own Kafka users: nobody may be given one. */
  readonly reservedAccounts: ReadonlySet<string>;
  /** Where subscribers connect. Known once requests are served. */
  readonly places: () => SubscriberPlaces;
  /** Compares Kafka with the database, mends what differs, and answers what there was. One at a time over all instances. */
  readonly reconcile: () => Promise<Result<Reconciliation>>;
  /** Tells the relay that events wait to be sent. */
  readonly eventsWaiting: () => void;
}

/** As a subscriber is told. */
export interface SubscriberPlaces {
  /** `host:port`, several with commas. */
  readonly bootstrapServers: string;
  readonly securityProtocol: 'SASL_PLAINTEXT' | 'SASL_SSL';
  readonly registryUrl: string;
  /** Of link, without a path; null where nobody said. */
  readonly streamsUrl: string | null;
}

export type Role = ParticipantRole;

/** Who calls: an authenticated account. */
export interface Caller {
  readonly account: string;
  readonly participant: string;
  /** Those of the account that its participant has as well; never empty. */
  readonly roles: readonly Role[];
  /** What the credential was limited to; `all` for the account's own secret and for its OIDC token. */
  readonly scopes: readonly Scope[] | 'all';
  readonly via: 'secret' | 'api-key' | 'oidc' | 'credential';
}
