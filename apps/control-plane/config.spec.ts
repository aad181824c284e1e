import { expect, test } from '@jest/globals';

import { readConfig } from './config.ts';

const least = {
  SLUICE_DATABASE_URL: 'postgres://sluice:database-canary@db:5432/sluice',
  SLUICE_KAFKA_BROKERS: 'one:9092, two:9092',
  SLUICE_OPERATOR_SECRET: 'operator-canary',
};

test('settings have defaults where one is safe', () => {
  const config = readConfig({ ...least, PATH: '/bin' });
  expect(config).toMatchObject({
    ok: true,
    value: {
      listen: { host: '127.0.0.1', port: 8080 },
      kafka: { brokers: ['one:9092', 'two:9092'] },
      registry: null,
      operatorSecret: { secret: 'operator-canary' },
      oidc: null,
      logLevel: 'info',
    },
  });
  expect(readConfig({ ...least, SLUICE_INTAKE_DIR: 'off' })).toMatchObject({ value: { intakeDirectory: null } });
});

test('an unknown key or an impossible value is named, and no value is told', () => {
  const sentence = (more: Record<string, string>): string => {
    const config = readConfig({ ...least, ...more });
    return config.ok ? '' : `${config.failure.code} ${config.failure.message}`;
  };
  expect(sentence({ SLUICE_KAFKA_BROKER: 'one' })).toBe('config-invalid reading settings: unknown: SLUICE_KAFKA_BROKER');
  expect(sentence({ SLUICE_API_PORT: '70000' })).toContain('SLUICE_API_PORT');
  expect(sentence({ SLUICE_DATABASE_URL: 'mysql://value-canary' })).toContain('SLUICE_DATABASE_URL');
  expect(sentence({ SLUICE_DATABASE_URL: 'mysql://value-canary' })).not.toContain('canary');
  expect(sentence({ SLUICE_OPERATOR_SECRET: 'canary' })).not.toContain('canary');
  expect(sentence({ SLUICE_OPERATOR_SECRET: 'canary' })).toContain('SLUICE_OPERATOR_SECRET');
});

test('tokens are taken only of issuers that are asked over https, or on this machine, and for an audience', () => {
  const read = (issuers: string, audience?: string) =>
    readConfig({ ...least, SLUICE_OIDC_ISSUERS: issuers, ...(audience === undefined ? {} : { SLUICE_OIDC_AUDIENCE: audience }) });
  expect(read('https://id.example.gov, http://127.0.0.1:9/realm', 'sluice')).toMatchObject({
    value: { oidc: { issuers: ['https://id.example.gov', 'http://127.0.0.1:9/realm'], audience: 'sluice' } },
  });
  expect(read('https://id.example.gov')).toMatchObject({ failure: { message: expect.stringContaining('SLUICE_OIDC_AUDIENCE') } });
  for (const issuer of [
    'http://id.example.gov',
    'http://localhost',
    'ftp://127.0.0.1',
    'https://name:canary@id.example.gov',
    'id',
  ])
    expect(read(issuer, 'sluice')).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('SLUICE_OIDC_ISSUERS') },
    });
});
