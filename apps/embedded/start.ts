/** Starts everything in order, or nothing: services, roles, the demo. What was started stands on the stack that is passed in. */
import { chmodSync, mkdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Demo } from '../../deploy/local/demo/index.ts';
import { startDemo } from '../../deploy/local/demo/index.ts';
import { isPortFree, lockDirectory, wipePostgres } from '../../libs/adapters/local/index.ts';
import type { Failure, Result } from '../../libs/base/index.ts';
import { fail, ok } from '../../libs/base/index.ts';
import { startTelemetry } from '../../libs/telemetry/index.ts';
import type { EmbeddedSettings } from './config.ts';
import { DeliveredCounts } from './delivered-counts.ts';
import { LogFile } from './log-file.ts';
import { ReceiptTotals } from './receipt-totals.ts';
import type { Roles } from './roles.ts';
import { startRoles } from './roles.ts';
import type { Screen } from './screen/screen.ts';
import { openServices } from './services.ts';
import type { StopStack } from './stop-stack.ts';

export interface StartOptions {
  /** Begin with no data. */
  readonly fresh: boolean;
  readonly demo: boolean;
}

export interface Running {
  readonly roles: Roles;
  readonly totals: ReceiptTotals;
  readonly delivered: DeliveredCounts;
  readonly demo?: Demo;
  /** Resolves with the name of an embedded service that ended by itself. */
  readonly lost: Promise<string>;
}

/** Is part of the command line of every embedded Sluice. */
export const marker = path.join('apps', 'embedded', 'main');
/** What a data directory holds beside the Kafka jars, which `--fresh` keeps. */
const kept = ['broker', 'demo', 'intake', 'keys', 'logs', 'delivered.json'];

/** On a failure the caller stops what is on the stack. */
export async function startEmbedded(
  settings: EmbeddedSettings,
  options: StartOptions,
  stack: StopStack,
  screen: Screen,
): Promise<Result<Running>> {
  const { directory } = settings;
  if (options.demo && settings.registry !== undefined) {
    return fail(
      'config-invalid',
      'the demo needs the registry of Sluice, in which its accounts are known; unset SLUICE_REGISTRY_URL, or start with npm start -- --no-demo',
    );
  }
  const lock = lockDirectory(directory, marker);
  if (!lock.ok) return lock;
  stack.push('the data directory', () => lock.value.release());
  for (const [name, port] of [
    ['SLUICE_API_PORT', settings.httpPort],
    ['SLUICE_LINK_PORT', settings.linkPort],
  ] as const) {
    if (port !== 0 && !(await isPortFree(port)))
      return fail('port-busy', `port ${port} is in use by another program; stop it, or set ${name} to another port`);
  }
  if (options.fresh) wipe(directory);
  // PostgreSQL may have to run under another account, which must be able to enter. What is secret below has modes of its own.
  chmodSync(directory, statSync(directory).mode | 0o001);
  mkdirSync(path.join(directory, 'logs'), { recursive: true, mode: 0o700 });
  const log = new LogFile(path.join(directory, 'logs', 'sluice.log'));
  stack.push('the log', () => log.close());
  const telemetry = await startTelemetry({
    serviceName: 'sluice',
    ...(settings.otlpEndpoint === undefined ? {} : { endpoint: settings.otlpEndpoint }),
  });
  if (!telemetry.ok) return telemetry;
  stack.push('telemetry', () => telemetry.value.shutdown());

  const step = <T>(title: string, work: () => Promise<Result<T>>): Promise<Result<T>> => runStep(screen, stack, title, work);
  const services = await openServices(settings, stack, step, (sentence) => screen.say(sentence));
  if (!services.ok) return services;
  const report = reporter(screen, log);
  // Receivers are stopped after link, which delivers to them what is under way.
  const stopReceivers = stack.reserve('the receivers');
  const roles = await step('Control plane, data plane and link', () =>
    startRoles(settings, services.value, stack, log, report, options.demo),
  );
  if (!roles.ok) return roles;
  const totals = new ReceiptTotals(roles.value.cluster);
  totals.start();
  stack.push('the totals', () => totals.stop());
  const delivered = new DeliveredCounts(path.join(directory, 'delivered.json'));
  stack.push('the counts', () => delivered.save());
  if (!options.demo) return ok({ roles: roles.value, totals, delivered, lost: services.value.lost });

  const { address, ownAccount, intakeDirectory, cluster } = roles.value;
  const demo = await step('Demo', () =>
    startDemo({
      apiAddress: address,
      account: ownAccount,
      brokers: cluster.options.brokers,
      intakeDirectory,
      stateDirectory: path.join(directory, 'demo'),
      log: (sentence) => log.write('info', sentence),
    }),
  );
  if (!demo.ok) return demo;
  stopReceivers(demo.value.stop);
  stack.push('the feeds', demo.value.stopFeeds);
  return ok({ roles: roles.value, totals, delivered, demo: demo.value, lost: services.value.lost });
}

function wipe(directory: string): void {
  wipePostgres(path.join(directory, 'postgres'));
  for (const name of kept) rmSync(path.join(directory, name), { recursive: true, force: true });
}

async function runStep<T>(screen: Screen, stack: StopStack, title: string, work: () => Promise<Result<T>>): Promise<Result<T>> {
  const began = Date.now();
  const done = screen.pending(title);
  const result = await work();
  done();
  if (result.ok && !stack.isStopping) screen.say(`${title} ... ready in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return result;
}

/** Failures of the roles: all into the log, each kind once a minute onto the terminal. */
function reporter(screen: Screen, log: LogFile): (failure: Failure) => void {
  const told = new Map<string, number>();
  return (failure) => {
    log.write('warn', `${failure.code}: ${failure.message}`);
    const now = Date.now();
    if (now - (told.get(failure.code) ?? 0) < 60_000) return;
    told.set(failure.code, now);
    screen.say(failure.message);
  };
}
