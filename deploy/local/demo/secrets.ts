/** Secrets of the demo: made at the first start and kept in one file of its owner, so that a second start shows the same accounts. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { demoParticipants } from './participants.ts';

const shape = z.strictObject({
  /** Account name -> secret, for HTTP and for Kafka. */
  accounts: z.record(z.string(), z.string()),
  /** Publisher -> X25519 key pair that refused originals are sealed to, base64url. */
  seals: z.record(z.string(), z.strictObject({ publicKey: z.string(), privateKey: z.string() })),
  /** Of link's account in the regional platform's broker. */
  mirrorPassword: z.string(),
  /** Standard Webhooks form, `whsec_` and base64. */
  webhookSecret: z.string(),
});

export type DemoSecrets = z.infer<typeof shape>;

/** Reads `<directory>/secrets.json` (mode 0600), adding what is missing. */
export function demoSecrets(directory: string): DemoSecrets {
  const file = path.join(directory, 'secrets.json');
  const kept = existsSync(file) ? shape.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
  const secrets: DemoSecrets = {
    accounts: Object.fromEntries(
      demoParticipants.map(({ id }) => [id, kept?.accounts[id] ?? randomBytes(18).toString('base64url')]),
    ),
    seals: Object.fromEntries(publishers().map((id) => [id, kept?.seals[id] ?? makeSeal()])),
    mirrorPassword: kept?.mirrorPassword ?? randomBytes(18).toString('base64url'),
    webhookSecret: kept?.webhookSecret ?? `whsec_${randomBytes(32).toString('base64')}`,
  };
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const draft = `${file}.part`;
  writeFileSync(draft, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
  return secrets;
}

const publishers = (): readonly string[] =>
  demoParticipants.filter(({ roles }) => roles.includes('publisher')).map(({ id }) => id);

function makeSeal(): { publicKey: string; privateKey: string } {
  const { privateKey } = generateKeyPairSync('x25519');
  const jwk = privateKey.export({ format: 'jwk' });
  if (jwk.x === undefined || jwk.d === undefined) throw new TypeError('an X25519 key has x and d');
  return { publicKey: jwk.x, privateKey: jwk.d };
}
