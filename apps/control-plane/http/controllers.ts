/** The one list of controllers: what is served, what the OpenAPI document describes, and what the tests of every route go through. */
import { AgreementsController } from './agreements.controller.ts';
import { ApiKeysController } from './api-keys.controller.ts';
import { AuditController } from './audit.controller.ts';
import { CatalogController } from './catalog.controller.ts';
import { CredentialsController } from './credentials.controller.ts';
import { DutiesController } from './duties.controller.ts';
import { KeysController } from './keys.controller.ts';
import { KillController } from './kill.controller.ts';
import { MeterController } from './meter.controller.ts';
import { ParticipantsController } from './participants.controller.ts';
import { DeadLettersController } from './dead-letters.controller.ts';
import { EventsListController } from './events-list.controller.ts';
import { PoliciesController } from './policies.controller.ts';
import { PlatformController } from './platform.controller.ts';
import { ReconcileController } from './reconcile.controller.ts';
import { RecordsController } from './records.controller.ts';
import { RequestsController } from './requests.controller.ts';
import { RegistryConfigController } from './registry-config.controller.ts';
import { RegistrySchemasController } from './registry-schemas.controller.ts';
import { RegistrySubjectsController } from './registry-subjects.controller.ts';

export const controllers = [
  PlatformController,
  ParticipantsController,
  ApiKeysController,
  CatalogController,
  PoliciesController,
  AgreementsController,
  CredentialsController,
  KillController,
  KeysController,
  DutiesController,
  ReconcileController,
  RequestsController,
  RecordsController,
  AuditController,
  EventsListController,
  DeadLettersController,
  MeterController,
];

/** Served where the control plane is its own schema registry. */
export const registryControllers = [RegistrySchemasController, RegistrySubjectsController, RegistryConfigController];
