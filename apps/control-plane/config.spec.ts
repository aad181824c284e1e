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
});
