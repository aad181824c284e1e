/** All stores over one connection or transaction. */
import type { EntityManager } from 'typeorm';

import { AccessRequestStore } from './access-request-store.ts';
import { AgreementStore } from './agreement-store.ts';
import { ApiKeyStore } from './api-key-store.ts';
import { CredentialStore } from './credential-store.ts';
import { DataKeyStore } from './data-key-store.ts';
import { DatasetStore } from './dataset-store.ts';
import { EventStore } from './event-store.ts';
import { KillStore } from './kill-store.ts';
import { MeterStore } from './meter-store.ts';
import { ParticipantStore } from './participant-store.ts';
import { PolicyStore } from './policy-store.ts';
import { ProgramStore } from './program-store.ts';
import { RequestTrailStore } from './request-trail-store.ts';
import { SchemaStore } from './schema-store.ts';
import { SuppressionStore } from './suppression-store.ts';

export class Stores {
  readonly participants: ParticipantStore;
  readonly apiKeys: ApiKeyStore;
  readonly datasets: DatasetStore;
  readonly agreements: AgreementStore;
  readonly programs: ProgramStore;
  readonly credentials: CredentialStore;
  readonly kills: KillStore;
  readonly meters: MeterStore;
  readonly dataKeys: DataKeyStore;
  readonly suppressions: SuppressionStore;
  readonly policies: PolicyStore;
  readonly schemas: SchemaStore;
  readonly events: EventStore;
  readonly requests: AccessRequestStore;
  readonly trail: RequestTrailStore;

  constructor(manager: EntityManager) {
    this.participants = new ParticipantStore(manager);
    this.apiKeys = new ApiKeyStore(manager);
    this.datasets = new DatasetStore(manager);
    this.agreements = new AgreementStore(manager);
    this.programs = new ProgramStore(manager);
    this.credentials = new CredentialStore(manager);
    this.kills = new KillStore(manager);
    this.meters = new MeterStore(manager);
    this.dataKeys = new DataKeyStore(manager);
    this.suppressions = new SuppressionStore(manager);
    this.policies = new PolicyStore(manager);
    this.schemas = new SchemaStore(manager);
    this.events = new EventStore(manager);
    this.requests = new AccessRequestStore(manager);
    this.trail = new RequestTrailStore(manager);
  }
}
