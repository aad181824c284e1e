import { expect, test } from '@jest/globals';
import { unwrap } from '../../libs/base/index.ts';
import { readSettings } from './config.ts';

const least = { SLUICE_KAFKA_BROKERS: 'a:9092,b:9092', SLUICE_KMS_KEY_FILE: '/keys/master.key' };

test('reads brokers and account, with defaults for the rest, and leaves other names alone', () => {
  const settings = unwrap(
    readSettings({ ...least, SLUICE_KAFKA_USERNAME: 'link', SLUICE_KAFKA_PASSWORD: 'p', PATH: '/bin', SLUICE_LINK_PORT: '0' }),
  );
  expect(settings).toEqual({
    brokers: ['a:9092', 'b:9092'],
    sasl: { username: 'link', password: 'p' },
    tls: false,
    vault: { keyFile: '/keys/master.key' },
    listen: { host: '127.0.0.1', port: 0 },
    trusted: new Set(),
    streamsOpenMax: 256,
    streamsPerAccountMax: 8,
  });
});

test('an unknown or missing setting, or half an account, is an error that names it and quotes no value', () => {
  const cases: [Record<string, string>, string][] = [
    [{ ...least, SLUICE_KAFKA_PASWORD: 'secret-value' }, 'SLUICE_KAFKA_PASWORD'],
    [{ SLUICE_KAFKA_BROKERS: 'a:1' }, 'SLUICE_KMS_KEY_FILE'],
    [{ ...least, SLUICE_KAFKA_BROKERS: 'secret-value' }, 'SLUICE_KAFKA_BROKERS'],
    [{ ...least, SLUICE_KAFKA_PASSWORD: 'secret-value' }, 'SLUICE_KAFKA_USERNAME'],
  ];
  for (const [environment, name] of cases) {
    const settings = readSettings(environment);
    expect(settings).toMatchObject({ ok: false, failure: { code: 'config-invalid', message: expect.stringContaining(name) } });
    expect(JSON.stringify(settings)).not.toContain('secret-value');
  }
});

test('takes HashiCorp Vault in the place of the key file, with its token in a file', () => {
  const vault = { SLUICE_KAFKA_BROKERS: 'a:1', SLUICE_VAULT_ADDR: 'https://vault:8200', SLUICE_VAULT_TOKEN_FILE: '/run/token' };
  expect(unwrap(readSettings(vault)).vault).toEqual({
    transit: {
      address: 'https://vault:8200',
      tokenFile: '/run/token',
      mount: 'transit',
      key: 'sluice',
      signingKey: 'sluice-signing',
    },
  });
  expect(readSettings({ ...vault, SLUICE_VAULT_TOKEN: 'secret-value' })).toMatchObject({ ok: false });
});
