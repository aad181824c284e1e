/** Where link may connect to on behalf of an agreement. */
import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { guardBrokers, guardUrl, isPublicAddress } from './target-guard.ts';
import { sendWebhook } from './webhook-request.ts';

let server: Server;
let port: number;
let requests = 0;

beforeAll(async () => {
  server = createServer((_, response) => {
    requests += 1;
    response.writeHead(204).end();
  });
  // On both loopbacks, as far as the machine has both.
  await new Promise<void>((resolve) => server.listen(0, resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const send = (url: string, trusted: string[] = []) =>
  sendWebhook({
    url,
    id: 'batch-1',
    contentType: 'application/json',
    body: '[]',
    secret: createSecretKey(Buffer.alloc(24)),
    timeoutMs: 5_000,
    stopped: new AbortController().signal,
    trusted: new Set(trusted),
  });

describe('an address', () => {
  test.each(['8.8.8.8', '1.1.1.1', '223.5.5.5', '172.32.0.1', '2400:3200::1', '2606:4700::1111'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    'fc00::1',
    'fe80::1',
    'ff02::1',
    '2002:7f00:1::',
    '2001:db8::1',
    'example.org',
    '',
  ])('%s is not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('a URL', () => {
  test.each([
    'http://example.org/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://[::1]/',
    'https://[::ffff:169.254.169.254]/latest/meta-data',
    'https://user:secret@example.org/',
    'ftp://example.org/',
    'file:///etc/passwd',
    'https://',
    'nonsense',
  ])('%s is refused', (url) => {
    const guarded = guardUrl(url, new Set());
    expect(guarded).toMatchObject({ ok: false, failure: { code: 'target-forbidden' } });
    expect(JSON.stringify(guarded)).not.toContain('secret');
  });

  test('of a public https host is taken, and so is a trusted target with its port and no other', () => {
    expect(guardUrl('https://example.org/in?a=b', new Set()).ok).toBe(true);
    expect(guardUrl('https://8.8.8.8:8443/in', new Set()).ok).toBe(true);
    const trusted = new Set(['127.0.0.1:9000', '10.0.0.5:443', 'hooks.internal:80']);
    for (const url of ['http://127.0.0.1:9000/in', 'https://10.0.0.5/in', 'http://hooks.internal/in'])
      expect(guardUrl(url, trusted).ok).toBe(true);
    for (const url of ['http://127.0.0.1:9001/in', 'http://10.0.0.5/in', 'ftp://127.0.0.1:9000/in'])
      expect(guardUrl(url, trusted).ok).toBe(false);
  });
});

describe('a request', () => {
  test('to a name that leads to an address of ours never leaves, and to a trusted target does', async () => {
    const seen = requests;
    for (const url of [
      `https://localhost:${port}/`,
      `http://localhost:${port}/`,
      `https://127.0.0.1:${port}/`,
      `https://[::1]:${port}/`,
    ])
      expect(await send(url)).toMatchObject({ kind: 'forbidden' });
    expect(requests).toBe(seen);
    expect(await send(`http://localhost:${port}/`, [`localhost:${port}`])).toEqual({ kind: 'taken', status: 204 });
    expect(requests).toBe(seen + 1);
  });

  test('to a name that is not known is tried again later', async () => {
    expect(await send('https://no-such-host.invalid/')).toMatchObject({ kind: 'again' });
  });
});

test('brokers of a mirror are looked at one by one', async () => {
  expect(await guardBrokers(['127.0.0.1:9092'], new Set(['127.0.0.1:9092']))).toEqual({ ok: true, value: undefined });
  expect(await guardBrokers(['127.0.0.1:9092', 'localhost:9093'], new Set(['127.0.0.1:9092']))).toMatchObject({
    ok: false,
    failure: { code: 'target-forbidden' },
  });
  expect(await guardBrokers(['no-such-host.invalid:9092'], new Set())).toMatchObject({
    ok: false,
    failure: { code: 'broker-unreachable' },
  });
});
