/** Answers as Vault's transit secrets engine does, with real AES-GCM and Ed25519 and versions of its keys: what of it is documented and we use. For tests. */
import type { KeyPairKeyObjectResult } from 'node:crypto';
import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

interface Asked {
  readonly operation: string;
  readonly token: string;
  readonly namespace: string | undefined;
}

export class TransitServer {
  readonly address: string;
  readonly tokenFile: string;
  /** Whom it lets in; as Vault's policy would. */
  readonly tokens = new Set<string>();
  /** What it was asked, refused or not. */
  readonly asked: Asked[] = [];
  /** Answered in this order before anything else; `hang` answers never. */
  readonly next: (number | 'hang' | 'cut' | 'no json')[] = [];
  /** Happens once, while the next request is being answered. */
  meanwhile: (() => Promise<void>) | undefined;
  isSealed = false;
  namespace: string | undefined;
  readonly #close: () => Promise<void>;
  readonly #versions: Buffer[] = [randomBytes(32)];
  readonly #signing: KeyPairKeyObjectResult[] = [generateKeyPairSync('ed25519')];
  /** The first version that is trusted still, as `min_decryption_version` says. */
  signingFrom = 1;

  private constructor(port: number, tokenFile: string, close: () => Promise<void>) {
    this.address = `http://127.0.0.1:${port}`;
    this.tokenFile = tokenFile;
    this.#close = close;
  }

  /** With a token in a file of this directory. */
  static async start(directory: string): Promise<TransitServer> {
    const server = createServer((request, response) => void fixture.#answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const fixture: TransitServer = new TransitServer(port, path.join(directory, `token-${port}`), async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    await fixture.giveToken('s.first');
    return fixture;
  }

  /** As an agent does: the earlier token ends, the new one is in the file. */
  async giveToken(token: string): Promise<void> {
    this.tokens.clear();
    this.tokens.add(token);
    await writeFile(this.tokenFile, `${token}\n`);
    await chmod(this.tokenFile, 0o600);
  }

  rotate(): void {
    this.#versions.push(randomBytes(32));
  }

  rotateSigning(): void {
    this.#signing.push(generateKeyPairSync('ed25519'));
  }

  close(): Promise<void> {
    return this.#close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const [, version, mount, operation = '', key] = (request.url ?? '').split('/');
    const token = String(request.headers['x-vault-token']);
    const namespace = request.headers['x-vault-namespace'] as string | undefined;
    this.asked.push({ operation, token, namespace });
    const { meanwhile } = this;
    this.meanwhile = undefined;
    await meanwhile?.();
    const planned = this.next.shift();
    if (planned === 'hang') return;
    if (planned === 'cut') return void response.destroy();
    if (planned === 'no json') return void response.writeHead(200).end('<html>');
    const errors = (status: number, text: string): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors: [text] }));
    if (planned !== undefined) return errors(planned, 'planned');
    if (this.isSealed) return errors(503, 'Vault is sealed');
    if (!this.tokens.has(token)) return errors(403, 'permission denied');
    if (version !== 'v1' || mount !== 'transit' || namespace !== this.namespace)
      return errors(404, 'no handler for route. route entry not found.');
    const text = Buffer.concat(parts).toString('utf8');
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, string>;
    const data =
      key === 'sluice' ? this.#compute(operation, body) : key === 'sluice-signing' ? this.#signed(operation, body) : null;
    if (data === null) return errors(400, 'cipher: message authentication failed');
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ request_id: 'r', data }));
  }

  #signed(operation: string, { input = '', key_version: version }: Record<string, string>): object | null {
    if (operation === 'keys') {
      const keys = this.#signing.map(({ publicKey }, index) => {
        const { x = '' } = publicKey.export({ format: 'jwk' });
        return [String(index + 1), { public_key: Buffer.from(x, 'base64url').toString('base64') }] as const;
      });
      return { type: 'ed25519', keys: Object.fromEntries(keys.slice(this.signingFrom - 1)) };
    }
    const key = this.#signing[Number(version) - 1];
    if (operation !== 'sign' || key === undefined) return null;
    const signature = sign(null, Buffer.from(input, 'base64'), key.privateKey).toString('base64');
    return { signature: `vault:v${version}:${signature}`, key_version: Number(version) };
  }

  /** The ciphertext is `vault:v<version>:` and base64 of nonce, encrypted bytes and tag. */
  #compute(
    operation: string,
    { plaintext, ciphertext, associated_data: associated = '' }: Record<string, string>,
  ): object | null {
    const aad = Buffer.from(associated, 'base64');
    if (operation === 'encrypt' && plaintext !== undefined) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', this.#versions.at(-1) as Buffer, nonce).setAAD(aad);
      const sealed = Buffer.concat([nonce, cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()]);
      return { ciphertext: `vault:v${this.#versions.length}:${sealed.toString('base64')}`, key_version: this.#versions.length };
    }
    const [, version, text = ''] = /^vault:v(\d+):(.*)$/.exec(ciphertext ?? '') ?? [];
    const [key, sealed] = [this.#versions[Number(version) - 1], Buffer.from(text, 'base64')];
    if (operation !== 'decrypt' || key === undefined || sealed.length < 28) return null;
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(aad);
    decipher.setAuthTag(sealed.subarray(-16));
    try {
      return { plaintext: Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('base64') };
    } catch {
      return null;
    }
  }
}
