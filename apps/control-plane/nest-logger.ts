/** Nest's own sentences through pino. */
import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Nest tells of every route and module at start; that is for debugging. */
  log(message: unknown): void {
    this.#logger.debug(textOf(message));
  }

  error(message: unknown): void {
    this.#logger.error(textOf(message));
  }

  warn(message: unknown): void {
    this.#logger.warn(textOf(message));
  }

  debug(message: unknown): void {
    this.#logger.debug(textOf(message));
  }

  verbose(message: unknown): void {
    this.#logger.trace(textOf(message));
  }
}

/** Nest may hand over whole objects; only sentences are logged. */
const textOf = (message: unknown): string =>
  typeof message === 'string' ? message : message instanceof Error ? message.name : 'nest';
