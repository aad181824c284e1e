/** All stores over one connection or transaction. */
import type { EntityManager } from 'typeorm';

import { AgreementStore } from './agreement-store.ts';
import { DatasetStore } from './dataset-store.ts';
import { EventStore } from './event-store.ts';
import { ParticipantStore } from './participant-store.ts';
import { SchemaStore } from './schema-store.ts';

export class Stores {
  readonly participants: ParticipantStore;
  readonly datasets: DatasetStore;
  readonly agreements: AgreementStore;
  readonly schemas: SchemaStore;
  readonly events: EventStore;

  constructor(manager: EntityManager) {
    this.participants = new ParticipantStore(manager);
    this.datasets = new DatasetStore(manager);
    this.agreements = new AgreementStore(manager);
    this.schemas = new SchemaStore(manager);
    this.events = new EventStore(manager);
  }
}
