/** All roles in one process, with Kafka and PostgreSQL beside it: `npm start`. */
import 'reflect-metadata';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';
import type { Failure } from '../../libs/base/index.ts';
import type { EmbeddedSettings } from './config.ts';
import { readSettings } from './config.ts';
import { demoExample } from './demo-example.ts';
import { resetAdmin } from './reset-admin.ts';
import { renderExample } from './screen/render.ts';
import { Screen } from './screen/screen.ts';
import type { Example } from './screen/snapshot.ts';
import type { Running } from './start.ts';
import { startEmbedded } from './start.ts';
import { StopStack } from './stop-stack.ts';
import { takeSnapshot } from './watch.ts';
import { welcome } from './welcome.ts';

const redrawMs = 500;
const saveMs = 5_000;
/** A Ctrl-C may arrive twice, from the terminal and from npm: a second one this soon is the same one. */
const sameSignalMs = 1_000;

const startedAt = Date.now();
const screen = new Screen(process.stdout);
const stack = new StopStack();
let stopping = 0;

const settings = readSettings(process.env, repositoryRoot());
const flags = process.argv.slice(2);
const unknown = flags.find((flag) => !['--fresh', '--no-demo', '--reset-admin'].includes(flag));
if (!settings.ok) refuse(settings.failure);
else if (unknown !== undefined) refuse({ message: `there is no option ${unknown}; the options are --fresh and --no-demo` });
else if (flags.includes('--reset-admin')) await newPassword(settings.value);
else await main(settings.value);

/** Instead of a start: what `npm run sluice -- reset-admin` runs. */
async function newPassword(read: EmbeddedSettings): Promise<void> {
  const password = await resetAdmin(read);
  if (password.ok) process.stdout.write(`The new password of admin, shown this once: ${password.value}\n`);
  else refuse(password.failure);
}

async function main(read: EmbeddedSettings): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal());
  // A reader of our output that went away, as in `npm start | head`, ends nothing.
  process.stdout.on('error', () => undefined);
  // The start script holds the other end; when it is gone, so are we.
  process.on('disconnect', () => void stop(0));
  process.on('uncaughtException', (error) => void crash(error));
  process.on('unhandledRejection', (error) => void crash(error));
  const started = await startEmbedded(
    read,
    { fresh: flags.includes('--fresh'), demo: !flags.includes('--no-demo') },
    stack,
    screen,
  );
  if (stopping > 0) return;
  if (!started.ok) {
    await stack.stopAll();
    refuse(started.failure);
    process.exit(1);
  }
  const running = started.value;
  screen.say(`\n${welcome(running, (Date.now() - startedAt) / 1000)}\n`);
  void running.lost.then(async (name) => {
    if (stopping > 0) return;
    screen.say(`${name} has ended by itself; its log in ${read.directory} says why. Sluice stops.`);
    await stop(1);
  });
  watch(running);
}

function watch(running: Running): void {
  let example: Example | undefined;
  let looking = false;
  let savedAt = Date.now();
  const look = async (): Promise<void> => {
    if (looking || example !== undefined || running.demo === undefined) return;
    looking = true;
    example = await demoExample(running.roles, 'clinic-research').catch(() => undefined);
    looking = false;
    if (example !== undefined && !screen.isLive) screen.say(renderExample(example, 120).join('\n'));
  };
  const timer = setInterval(() => {
    void look();
    screen.show(takeSnapshot({ ...running, example, startedAt }));
    if (Date.now() - savedAt > saveMs) {
      running.delivered.save();
      savedAt = Date.now();
    }
  }, redrawMs);
  stack.push('the screen', () => clearInterval(timer));
}

function onSignal(): void {
  if (stopping === 0) void stop(0);
  else if (Date.now() - stopping > sameSignalMs) {
    process.stderr.write('Stopped by force; services that are left end by themselves.\n');
    process.exit(130);
  }
}

async function stop(code: number): Promise<void> {
  if (stopping > 0) return;
  stopping = Date.now();
  screen.release();
  screen.say('Stopping: what is under way is finished first. Ctrl-C again stops by force.');
  let failed = 0;
  await stack.stopAll(({ title, seconds, error }) => {
    if (error !== undefined) {
      failed = 1;
      screen.say(`Stopping ${title} failed: ${error instanceof Error ? error.message : String(error)}`);
    } else if (seconds >= 0.2) screen.say(`Stopped ${title} in ${seconds.toFixed(1)} s`);
  });
  screen.say('Sluice has stopped; its data is kept.');
  process.exit(code === 0 ? failed : code);
}

/** A bug: the role stops, and the process with it. */
async function crash(error: unknown): Promise<void> {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  await stop(70);
}

function refuse(failure: Pick<Failure, 'message'>): void {
  process.stderr.write(`Sluice cannot start: ${failure.message}.\n`);
  process.exitCode = 1;
}
