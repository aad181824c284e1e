/** What is said once, when everything is up. */
import { demoParticipants } from '../../deploy/local/demo/participants.ts';
import type { Running } from './start.ts';

export function welcome(running: Running, seconds: number): string {
  const { roles, demo } = running;
  const lines = [
    `Sluice is up in ${seconds.toFixed(1)} s.`,
    `  API       ${roles.address}  (description: /v1/openapi.json)`,
    `  registry  ${roles.registryUrl}  (Confluent Schema Registry API)`,
    `  operator  admin, secret in ${roles.operatorSecretFile}`,
    `  Kafka     ${roles.cluster.options.brokers.join(',')}  (SASL_PLAINTEXT, SCRAM-SHA-512, the same accounts)`,
    `  files     ${roles.intakeDirectory}/<dataset>/*.csv, *.ndjson, *.parquet`,
  ];
  if (demo === undefined) return lines.join('\n');
  lines.push('  demo accounts (name, secret, role):');
  for (const { id, role } of demoParticipants) lines.push(`    ${id.padEnd(24)} ${demo.accounts[id] ?? ''}  ${role}`);
  const agreement = demo.agreements.find(({ kind }) => kind === 'kafka');
  if (agreement !== undefined) {
    const { id, assignee } = agreement;
    const account = `--account ${assignee} --secret ${demo.accounts[assignee] ?? ''}`;
    const places = `--brokers ${roles.cluster.options.brokers.join(',')} --registry ${roles.registryUrl}`;
    lines.push(
      '  read a governed stream as its subscriber, in another terminal:',
      `    npm run -s sluice -- read --agreement ${id} ${account} ${places} --max 3`,
    );
  }
  return lines.join('\n');
}
