/** What is said once, when everything is up. */
import { demoParticipants } from '../../deploy/local/demo/participants.ts';
import type { Running } from './start.ts';

export function welcome(running: Running, seconds: number): string {
  const { roles, demo } = running;
  const lines = [
    `Sluice is up in ${seconds.toFixed(1)} s.`,
    `  API       ${roles.address}  (description: /v1/openapi.json)`,
    `  registry  ${roles.registryUrl}  (Confluent Schema Registry API)`,
    operatorLine(roles.firstPassword),
    `  Kafka     ${roles.cluster.options.brokers.join(',')}  (SASL_PLAINTEXT, SCRAM-SHA-512: accounts of publishers, credentials of agreements)`,
    `  files     ${roles.intakeDirectory}/<dataset>/*.csv, *.ndjson, *.parquet`,
  ];
  if (demo === undefined) return lines.join('\n');
  lines.push('  demo accounts (name, secret, role):');
  for (const { id, roles: held } of demoParticipants)
    lines.push(`    ${id.padEnd(24)} ${demo.accounts[id] ?? ''}  ${held.join(', ')}`);
  const agreement = demo.agreements.find(({ kind }) => kind === 'kafka');
  if (agreement !== undefined) {
    const { id } = agreement;
    const credential = demo.credentials.get(id);
    const account = `--account ${credential?.username ?? ''} --secret ${credential?.password ?? ''}`;
    const places = `--brokers ${roles.cluster.options.brokers.join(',')} --registry ${roles.registryUrl}`;
    lines.push(
      '  read a governed stream as its subscriber, in another terminal:',
      `    npm run -s sluice -- read --agreement ${id} ${account} ${places} --max 3`,
    );
  }
  return lines.join('\n');
}

/** Nobody can read the password again: what is kept is a hash. */
const operatorLine = (firstPassword: string | null): string =>
  firstPassword === null
    ? '  operator  admin, password set at the first start; `npm run sluice -- reset-admin` makes a new one'
    : `  operator  admin, password ${firstPassword}  (shown this once; \`npm run sluice -- reset-admin\` makes a new one)`;
