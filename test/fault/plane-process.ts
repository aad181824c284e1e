/** A data plane as a process: started with its settings, killed, frozen, and read by nothing but its output. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { repositoryRoot } from '../../libs/adapters/local/index.ts';

export interface PlaneSettings {
  /** `host:port` of the proxies. */
  readonly brokers: readonly string[];
  readonly username: string;
  readonly password: string;
  readonly registryUrl: string;
  readonly keyFile: string;
}

export const clientIdOf = (instance: string): string => `sluice-data-plane-${instance}`;

export class PlaneProcess {
  readonly instance: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #log = '';
  #frozen = false;
  #told = false;

  /** `onEnd` is told when the process ended though nobody had told it to. */
  constructor(instance: string, settings: PlaneSettings, onEnd: (plane: PlaneProcess) => void) {
    this.instance = instance;
    const own = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(SLUICE_|OTEL_|NODE_OPTIONS|TESTKIT_)/.test(name)),
    );
    this.#child = spawn(
      process.execPath,
      // Without source maps, as an operator starts it: with them loading takes an eighth longer, and how soon it is back is measured here.
      [path.join(repositoryRoot(), 'dist', 'apps', 'data-plane', 'main.js')],
      {
        env: {
          ...own,
          SLUICE_KAFKA_BROKERS: settings.brokers.join(','),
          SLUICE_KAFKA_USERNAME: settings.username,
          SLUICE_KAFKA_PASSWORD: settings.password,
          SLUICE_REGISTRY_URL: settings.registryUrl,
          SLUICE_KMS_KEY_FILE: settings.keyFile,
          SLUICE_INSTANCE: instance,
          SLUICE_HEALTH_PORT: '0',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString('utf8');
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    // It must not outlive the run that started it.
    const end = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', end);
    this.#exited = new Promise((resolve) =>
      this.#child.once('close', () => {
        process.removeListener('exit', end);
        resolve();
        if (!this.#told) onEnd(this);
      }),
    );
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it wrote to its output so far. */
  get log(): string {
    return this.#log;
  }

  /** At once: on return the signal is sent. */
  kill(): void {
    this.#told = true;
    this.#child.kill('SIGKILL');
  }

  freeze(): void {
    this.#frozen = true;
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#frozen = false;
    this.#child.kill('SIGCONT');
  }

  /** Asks it to leave, and kills it when it takes longer than `timeoutMs`. False when it had to be killed. */
  async leave(timeoutMs = 20_000): Promise<boolean> {
    if (this.#frozen) this.thaw();
    this.#told = true;
    this.#child.kill('SIGTERM');
    let killed = false;
    const killer = setTimeout(() => {
      killed = true;
      this.kill();
    }, timeoutMs);
    await this.#exited;
    clearTimeout(killer);
    return !killed;
  }

  gone(): Promise<void> {
    return this.#exited;
  }
}
