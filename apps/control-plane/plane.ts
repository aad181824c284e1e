/** What the commands work with: every outside thing joined once, in `start.ts`, and passed in. */
import type { KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import type { Database, ParticipantRole } from '../../libs/adapters/postgres/index.ts';
import type { DirectivePublisher, KeyVault } from '../../libs/catalog/index.ts';
import type { Stage } from '../../libs/govern/index.ts';
import type { SchemaAuthority } from './schemas/authority.ts';

/** The part of Kafka's administration that commands use. */
type Broker = Pick<KafkaAdmin, 'createTopics' | 'setScramUser' | 'allow' | 'revoke'>;

export interface ControlPlane {
  readonly database: Database;
  readonly broker: Broker;
  readonly directives: DirectivePublisher;
  readonly vault: KeyVault;
  readonly schemas: SchemaAuthority;
  readonly stages: readonly Stage[];
  /** Account names that belong to Sluice's own Kafka users: nobody may be given one. */
  readonly reservedAccounts: ReadonlySet<string>;
  /** Tells the relay that events wait to be sent. */
  readonly eventsWaiting: () => void;
}

/** Who calls: an authenticated account. */
export interface Caller {
  readonly account: string;
  readonly participant: string;
  readonly role: ParticipantRole;
}
