/** The three roles in this process, each with its own Kafka account, on the same Kafka and PostgreSQL. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Logger } from '@nestjs/common';
import { pino } from 'pino';
import type { KafkaOptions } from '../../libs/adapters/kafka/index.ts';
import { Cluster, KafkaAdmin } from '../../libs/adapters/kafka/index.ts';
import { openChecker, openVault } from '../../libs/adapters/kms/index.ts';
import { RegistryClient } from '../../libs/adapters/registry/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { ok } from '../../libs/base/index.ts';
import type { KeyVault, SignatureChecker } from '../../libs/catalog/index.ts';
import { ownAccount } from '../control-plane/commands/ensure-own-account.ts';
import { startControlPlane } from '../control-plane/start.ts';
import type { DataPlane } from '../data-plane/start.ts';
import { startDataPlane } from '../data-plane/start.ts';
import type { Link } from '../link/start.ts';
import { startLink } from '../link/start.ts';
import type { TrustedTargets } from '../link/target-guard.ts';
import type { EmbeddedSettings } from './config.ts';
import type { LogFile } from './log-file.ts';
import { newOwnKey } from './own-key.ts';
import type { RoleAccount } from './role-accounts.ts';
import { makeRoleAccounts, roleNames } from './role-accounts.ts';
import type { Services } from './services.ts';
import type { StopStack } from './stop-stack.ts';

export interface Roles {
  /** `http://host:port` of the API. */
  readonly address: string;
  /** URL of the schema registry that is in use. */
  readonly registryUrl: string;
  /** The password of `admin` when this start made one, to be shown once; null otherwise. */
  readonly firstPassword: string | null;
  /** Name and API key of the service account by which Sluice calls itself. */
  readonly ownAccount: { readonly name: string; readonly secret: string };
  readonly intakeDirectory: string;
  readonly cluster: Cluster;
  readonly vault: KeyVault;
  readonly checker: SignatureChecker;
  readonly dataPlane: DataPlane;
  readonly link: Link;
}

/** The name of this instance in transactional ids: the same at every start, so that a start fences what the last one left. */
const instance = 'embedded';

/** Starts control plane, data plane and link. What was started is on the stack, also on a failure. */
export async function startRoles(
  settings: EmbeddedSettings,
  services: Services,
  stack: StopStack,
  log: LogFile,
  report: (failure: Failure) => void,
  isDemo: boolean,
): Promise<Result<Roles>> {
  const { directory } = settings;
  const cluster = await Cluster.open(services.kafka);
  if (!cluster.ok) return cluster;
  stack.push('the connection to Kafka', () => cluster.value.close());
  const admin = new KafkaAdmin(cluster.value);
  const kafkaOf = await kafkaOptionsOfRoles(settings, services, admin);
  if (!kafkaOf.ok) return kafkaOf;

  const intakeDirectory = path.join(directory, 'intake');
  // Files that are put there hold raw records.
  mkdirSync(intakeDirectory, { recursive: true, mode: 0o700 });
  mkdirSync(path.join(directory, 'keys'), { recursive: true, mode: 0o700 });
  const vault = await openVault(settings.vault);
  if (!vault.ok) return vault;
  const ownKey = newOwnKey(path.join(directory, 'keys', 'own-account.key'));
  let streamsUrl: string | null = null;
  const control = await startControlPlane(
    {
      instance,
      listen: { host: '127.0.0.1', port: settings.httpPort },
      databaseUrl: services.databaseUrl,
      kafka: services.kafka,
      operatorSecret: 'made-at-first-start',
      ownKey,
      oidc: settings.oidc ?? null,
      reservedAccounts: Object.values(roleNames),
      vault: settings.vault,
      registry: settings.registry ?? null,
      intakeDirectory,
      requestsPerSecondMax: 1_000,
      places: { streamsUrl: () => streamsUrl },
      logLevel: 'info',
    },
    pino({ level: 'info' }, log.stream as pino.DestinationStream),
  );
  if (!control.ok) return control;
  stack.push('the control plane', control.value.stop);
  const { address, firstPassword } = control.value;

  const ownRegistry = { url: `${address}/registry`, username: ownAccount, password: ownKey };
  const registry = new RegistryClient(settings.registry ?? ownRegistry);
  // The control plane has made the keys.
  const checker = await openChecker(settings.vault);
  if (!checker.ok) return checker;
  const dataPlane = await startDataPlane({
    kafka: kafkaOf.value('dataPlane'),
    vault: vault.value,
    checker: checker.value,
    registry,
    instance,
    report,
  });
  if (!dataPlane.ok) return dataPlane;
  stack.push('the data plane', dataPlane.value.stop);
  // Nest prints to the terminal by default; the terminal is for people.
  Logger.overrideLogger(log);

  const link = await startLink({
    kafka: kafkaOf.value('link'),
    vault: vault.value,
    checker: checker.value,
    log: (sentence) => log.write('info', sentence),
    listen: { host: '127.0.0.1', port: settings.linkPort },
    trusted: trustedTargets(settings, services, isDemo),
  });
  if (!link.ok) return link;
  stack.push('link', link.value.stop);
  streamsUrl = link.value.address;
  return ok({
    address,
    registryUrl: (settings.registry ?? ownRegistry).url,
    firstPassword,
    ownAccount: { name: ownAccount, secret: ownKey },
    intakeDirectory,
    cluster: cluster.value,
    vault: vault.value,
    checker: checker.value,
    dataPlane: dataPlane.value,
    link: link.value,
  });
}

/** On a real cluster its operator decides about accounts: every role then uses the one that was given. */
async function kafkaOptionsOfRoles(
  settings: EmbeddedSettings,
  services: Services,
  admin: KafkaAdmin,
): Promise<Result<(role: keyof typeof roleNames) => KafkaOptions>> {
  const accounts = settings.kafka === undefined ? await makeRoleAccounts(admin) : ok(undefined);
  if (!accounts.ok) return accounts;
  const given: Partial<Record<keyof typeof roleNames, RoleAccount>> = accounts.value ?? {};
  return ok((role) => {
    const sasl = given[role] ?? services.kafka.sasl;
    return { ...services.kafka, clientId: roleNames[role], ...(sasl === undefined ? {} : { sasl }) };
  });
}

/** The receivers of the demo are on this machine, on ports of their own; so are our services, which nobody may make link ask. */
function trustedTargets(settings: EmbeddedSettings, { kafka, databaseUrl }: Services, isDemo: boolean): TrustedTargets {
  const given = new Set(settings.trustedTargets);
  const ours = new Set([
    ...kafka.brokers.map((broker) => broker.slice(broker.lastIndexOf(':') + 1)),
    new URL(databaseUrl).port,
    String(settings.httpPort),
    String(settings.linkPort),
  ]);
  return {
    has: (target) => given.has(target) || (isDemo && /^127\.0\.0\.1:\d+$/.test(target) && !ours.has(target.slice(10))),
  };
}
