/** A connection whose end is told by the query that it ends, and by nothing else. */
import pg from 'pg';

/**
 * A pool takes its own listener away while a connection is in use, and whoever uses it adds one a moment later. A connection that dies between the
 * two would be an error that nobody listens to, which ends the process.
 */
export class DurableClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
