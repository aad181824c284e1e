export { Database, openDatabase } from './database.ts';
export type { AccountEntity as Account } from './entities/account.entity.ts';
export type { AgreementEntity as Agreement } from './entities/agreement.entity.ts';
export type { DatasetEntity as Dataset } from './entities/dataset.entity.ts';
export type { EventLogEntity as EventRow } from './entities/event-log.entity.ts';
export type { ParticipantEntity as Participant, ParticipantRole } from './entities/participant.entity.ts';
export type { SubjectVersion } from './stores/schema-store.ts';
export type { Stores } from './stores/stores.ts';
