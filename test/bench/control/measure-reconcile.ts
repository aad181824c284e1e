/** Starting with many live agreements on a real broker: one that has nothing, one that has everything, and one whose users are gone. */
import { KafkaAdmin } from '../../../libs/adapters/kafka/index.ts';
import { openDatabase } from '../../../libs/adapters/postgres/index.ts';
import { unwrap } from '../../../libs/base/index.ts';
import { openKafkaSteps } from '../../e2e/step-proxy.ts';
import { openCluster } from '../pipeline/bench-kafka.ts';
import type { ControlHome } from './control-home.ts';
import { operator, startControlProcess, withClient } from './control-home.ts';
import { agreementId, seedAgreements } from './seed-agreements.ts';
import { callers, seedDatasets, seedParticipants } from './seed-catalog.ts';

export interface ReconcileFigure {
  readonly name: string;
  /** From the start of the process until it is ready, and its CPU time by then. */
  readonly startSeconds: number;
  readonly cpuSeconds: number;
  /** Of that, between the begin and the end of the comparison, as the control plane noted them. */
  readonly reconcileSeconds: number;
  /** Requests that change the cluster, by what they do. */
  readonly changes: Readonly<Record<string, number>>;
  readonly found: Readonly<Record<string, number>>;
  readonly reported: number;
}

interface Reconciled {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly found: Record<string, number>;
  readonly mended: Record<string, number>;
  readonly reported: readonly string[];
}

const agreementsPerDataset = 100;
const readyWithinSeconds = 600;
/** Answers of the reconciliation are cut here. */
const reportedMax = 200;

/** Throws where a run did not find what was to be found: its time would mean nothing. */
export async function measureReconcile(
  home: ControlHome,
  live: number,
  progress: (text: string) => void,
): Promise<ReconcileFigure[]> {
  const databaseUrl = await home.createDatabase('live');
  const datasets = Math.max(1, Math.ceil(live / agreementsPerDataset));
  const database = unwrap(await openDatabase(databaseUrl));
  await seedParticipants(database);
  await seedDatasets(database, datasets);
  await withClient(databaseUrl, (client) =>
    seedAgreements(database, client, { agreements: live, datasets, isMixed: false, signer: home.signer }),
  );
  await database.close();
  const cluster = await openCluster(home.kafka, 'bench');
  const { access } = new KafkaAdmin(cluster);
  const users = Array.from({ length: live }, (_, index) => `${agreementId(index)}.g1`);
  try {
    // Nobody but their owners has the passwords of users: they are there, and nothing else.
    const names = [...users, ...Object.values(callers).map(({ name }) => name)];
    unwrap(await access.setUsers(names.map((name) => ({ name, password: 'password-of-the-bench' }))));
    progress(`reconcile: ${live} Kafka users made`);
    const made = await start(home, databaseUrl, 'an empty broker: everything is made');
    progress(`reconcile: made in ${made.startSeconds.toFixed(1)} s`);
    expectFound(made, { topicsMissing: live + 2 * datasets, directives: live });
    const settled = await start(home, databaseUrl, 'nothing to do');
    expectFound(settled, {});
    progress(`reconcile: nothing to do in ${settled.startSeconds.toFixed(1)} s`);
    unwrap(await access.deleteUsers(users));
    const lost = await start(home, databaseUrl, "every subscriber's Kafka user is gone");
    expectFound(lost, { usersMissing: live });
    if (lost.reported !== Math.min(live, reportedMax))
      throw new Error(`${lost.reported} lost credentials were reported, not ${live}`);
    progress(`reconcile: users gone, in ${lost.startSeconds.toFixed(1)} s`);
    return [made, settled, lost];
  } finally {
    await cluster.close();
  }
}

async function start(home: ControlHome, databaseUrl: string, name: string): Promise<ReconcileFigure> {
  const changes: Record<string, number> = {};
  const broker = Number(home.kafka.brokers[0]?.split(':').at(-1));
  const proxy = await openKafkaSteps(broker, (step) => {
    changes[step] = (changes[step] ?? 0) + 1;
    return true;
  });
  try {
    const plane = await startControlProcess(home, { databaseUrl, brokers: [`127.0.0.1:${proxy.port}`], readyWithinSeconds });
    try {
      const authorization = `Basic ${Buffer.from(`${operator.name}:${operator.secret}`).toString('base64')}`;
      const response = await fetch(`${plane.address}/v1/reconciliation`, { headers: { authorization } });
      if (response.status !== 200) throw new Error(`the reconciliation was not told: ${response.status}`);
      const { startedAt, endedAt, found, mended, reported } = (await response.json()) as Reconciled;
      for (const [kind, number] of Object.entries(found)) {
        if (kind !== 'usersMissing' && mended[kind] !== number)
          throw new Error(`of ${number} ${kind}, ${mended[kind] ?? 0} were mended`);
      }
      return {
        name,
        startSeconds: plane.startSeconds,
        cpuSeconds: plane.startCpuSeconds,
        reconcileSeconds: (Date.parse(endedAt) - Date.parse(startedAt)) / 1_000,
        changes: { ...changes },
        found,
        reported: reported.length,
      };
    } finally {
      await plane.stop();
    }
  } finally {
    await proxy.close();
  }
}

function expectFound({ name, found }: ReconcileFigure, wanted: Readonly<Record<string, number>>): void {
  const isEmpty = Object.keys(wanted).length === 0 && Object.keys(found).length > 0;
  const wrong = Object.entries(wanted).some(([kind, number]) => found[kind] !== number);
  if (isEmpty || wrong) throw new Error(`${name}: found ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}
