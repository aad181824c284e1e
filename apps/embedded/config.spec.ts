import { describe, expect, test } from '@jest/globals';
import { nearest, readSettings } from './config.ts';

describe('settings of the embedded Sluice', () => {
  test('have defaults for everything', () => {
    expect(readSettings({}, '/root-of-repository')).toEqual({
      ok: true,
      value: {
        httpPort: 8080,
        linkPort: 8083,
        trustedTargets: [],
        vault: { keyFile: '/root-of-repository/.sluice/keys/master.key' },
        directory: '/root-of-repository/.sluice',
      },
    });
  });

  test('take a real cluster and a real database in place of the embedded ones', () => {
    const environment = {
      SLUICE_KAFKA_BROKERS: 'a:9092,b:9092',
      SLUICE_KAFKA_USERNAME: 'u',
      SLUICE_KAFKA_PASSWORD: 'p',
      SLUICE_DATABASE_URL: 'postgres://u:p@h/d',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    };
    expect(readSettings(environment, '/r')).toMatchObject({
      ok: true,
      value: {
        kafka: { brokers: ['a:9092', 'b:9092'], sasl: { username: 'u', password: 'p' }, tls: false },
        databaseUrl: 'postgres://u:p@h/d',
        otlpEndpoint: 'http://collector:4318',
      },
    });
  });

  test('refuse an unknown name and say which one was probably meant', () => {
    expect(readSettings({ SLUICE_KAFKA_BROKER: 'a:9092' }, '/r')).toMatchObject({
      ok: false,
      failure: { code: 'config-invalid', message: expect.stringContaining('did you mean SLUICE_KAFKA_BROKERS?') },
    });
    expect(nearest('SLUICE_DATADIR', ['SLUICE_API_PORT', 'SLUICE_DATA_DIR'])).toBe('SLUICE_DATA_DIR');
  });

  test.each([
    [{ SLUICE_API_PORT: 'eighty' }, 'SLUICE_API_PORT'],
    [{ SLUICE_KAFKA_BROKERS: 'nowhere' }, 'SLUICE_KAFKA_BROKERS'],
    [{ SLUICE_OIDC_ISSUERS: 'http://secret.example', SLUICE_OIDC_AUDIENCE: 'a' }, 'SLUICE_OIDC_ISSUERS'],
    [{ SLUICE_OIDC_ISSUERS: 'https://id.example' }, 'SLUICE_OIDC_AUDIENCE'],
    [{ SLUICE_VAULT_ADDR: 'https://secret.example' }, 'SLUICE_VAULT_TOKEN_FILE'],
    [{ SLUICE_DATABASE_URL: 'mysql://secret@h' }, 'SLUICE_DATABASE_URL'],
    [{ SLUICE_KAFKA_BROKERS: 'a:1', SLUICE_KAFKA_USERNAME: 'u' }, 'SLUICE_KAFKA_PASSWORD'],
    [{ SLUICE_KAFKA_USERNAME: 'u', SLUICE_KAFKA_PASSWORD: 'p' }, 'SLUICE_KAFKA_BROKERS'],
  ])('refuse %j and name %s, never the value', (environment, name) => {
    const read = readSettings(environment, '/r');
    expect(read).toMatchObject({ ok: false, failure: { code: 'config-invalid', message: expect.stringContaining(name) } });
    expect(JSON.stringify(read)).not.toContain('secret');
  });
});
