export type { Reader } from './database.ts';
export { Database, openDatabase } from './database.ts';
export type { AccessRequestEntity as AccessRequest } from './entities/access-request.entity.ts';
export type { AccountEntity as Account, AccountKind } from './entities/account.entity.ts';
export type { ApiKeyEntity as ApiKey } from './entities/api-key.entity.ts';
export type { AgreementEntity as Agreement } from './entities/agreement.entity.ts';
export type {
  DatasetCategory,
  DatasetLevel,
  DatasetPrice,
  DatasetQuality,
  DatasetRow as Dataset,
  DatasetSla,
  DatasetState,
} from './entities/dataset.entity.ts';
export type { DatasetRightEntity as DatasetRight, RightEvidence, RightKind } from './entities/dataset-right.entity.ts';
export type { PolicyEntity as Policy, PolicyKind } from './entities/policy.entity.ts';
export type { AccessRequestQuery } from './stores/access-request-store.ts';
export type { CredentialState } from './entities/credential.entity.ts';
export type { KillEntity as Kill } from './entities/kill.entity.ts';
export type { ReconciliationEntity as Reconciliation, ReconciliationReport } from './entities/reconciliation.entity.ts';
export type { DatasetHit, DatasetQuery } from './stores/dataset-store.ts';
export type { EventLogEntity as EventRow } from './entities/event-log.entity.ts';
export type { ParticipantEntity as Participant, ParticipantRole, ParticipantState } from './entities/participant.entity.ts';
export type { AuditEntryEntity as AuditEntry } from './entities/request-trail.entity.ts';
export type { ApiKeyRow } from './stores/api-key-store.ts';
export type { AccountRow, PageAfter } from './stores/participant-store.ts';
export type { SubjectVersion } from './stores/schema-store.ts';
export type { CredentialRow } from './stores/credential-store.ts';
export type { MeterCounts, MeterDay, MeterTotal, MeteredStretch } from './stores/meter-store.ts';
export type { ProgramRef } from './stores/program-store.ts';
export type { AgreementOutline, AgreementQuery, AgreementStanding } from './stores/agreement-store.ts';
export type { DataKeyEpoch, DataKeyPlace } from './stores/data-key-store.ts';
export type { DutyQuery } from './stores/suppression-store.ts';
export type { DutyEntity as Duty } from './entities/duty.entity.ts';
export type { SuppressionEntity as SuppressionRow } from './entities/suppression.entity.ts';
export type { Stores } from './stores/stores.ts';
