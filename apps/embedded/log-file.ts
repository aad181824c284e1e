/** The log of the roles in this process: `logs/sluice.log`. The terminal is for people. */
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import path from 'node:path';
import type { LoggerService } from '@nestjs/common';

const bytesMax = 16 * 1024 * 1024;

export class LogFile implements LoggerService {
  readonly #stream: WriteStream;

  constructor(file: string) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    if (existsSync(file) && statSync(file).size > bytesMax) renameSync(file, `${file}.old`);
    this.#stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
    // A full disk or a sentence after the end must not stop the roles.
    this.#stream.on('error', () => undefined);
  }

  log(message: unknown): void {
    this.write('info', message);
  }

  warn(message: unknown): void {
    this.write('warn', message);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', [message, ...rest].map(String).join(' '));
  }

  /** One line. Sentences of the roles never hold a record's value. */
  write(level: 'info' | 'warn' | 'error', sentence: unknown): void {
    this.#stream.write(`${new Date().toISOString()} ${level} ${String(sentence).replaceAll('\n', ' ')}\n`);
  }

  /** For loggers that write whole lines themselves. */
  get stream(): NodeJS.WritableStream {
    return this.#stream;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#stream.end(resolve));
  }
}
