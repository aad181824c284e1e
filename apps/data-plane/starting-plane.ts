/** What a data plane shows of itself from the first moment on: until it has started, that it waits, and for what. */
import type { Failure } from '../../libs/base/index.ts';
import type { FeedStatus } from './feed-status.ts';
import type { Readiness } from './readiness.ts';
import type { DataPlane } from './start.ts';

/** A data plane as its health shows it. */
export type ShownPlane = Pick<DataPlane, 'status' | 'readiness' | 'healthy'>;

export class StartingPlane implements ShownPlane {
  /** Set when it has started. */
  plane: DataPlane | undefined;
  #reason = 'it is connecting to Kafka';
  #begin: () => void = () => undefined;
  /** Resolves when it has to wait for the first time. */
  readonly waits: Promise<undefined> = new Promise((resolve) => {
    this.#begin = () => resolve(undefined);
  });

  /** It could not start yet, and tries again. */
  wait({ message }: Failure): void {
    this.#reason = message;
    this.#begin();
  }

  status(): readonly FeedStatus[] {
    return this.plane?.status() ?? [];
  }

  readiness(): Readiness {
    return this.plane?.readiness() ?? { reasons: [{ reason: 'not-started', detail: this.#reason }], standby: [], waiting: [] };
  }

  healthy(): boolean {
    return this.plane?.healthy() ?? true;
  }
}
