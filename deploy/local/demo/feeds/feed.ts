/** What every demo feed has: progress, and an end. */

export interface FeedProgress {
  readonly dataset: string;
  /** How the records come in. */
  readonly way: 'Kafka producer' | 'HTTP' | 'file';
  /** Records handed over since this start; for files, those of the files put into the folder. */
  readonly sent: number;
  /** Records that the feed spoilt on purpose among those, so that refusals can be seen. */
  readonly spoilt: number;
  readonly state: 'running' | 'waiting' | 'done';
  readonly lastError?: string;
}

export interface Feed {
  progress(): FeedProgress;
  /** Ends it: what was handed over stays, nothing more comes. */
  stop(): Promise<void>;
}

export interface FeedContext {
  /** `http://host:port` of the control plane. */
  readonly apiAddress: string;
  /** Kafka as publishers reach it. */
  readonly brokers: readonly string[];
  /** Watched folders: `<intakeDirectory>/<dataset>/`. */
  readonly intakeDirectory: string;
  /** Where a feed keeps what it must remember between starts. */
  readonly stateDirectory: string;
  /** Account name -> secret. */
  readonly accounts: Readonly<Record<string, string>>;
}

/** A running feed's own view of itself. */
export class Progress {
  sent = 0;
  spoilt = 0;
  state: FeedProgress['state'] = 'running';
  lastError: string | undefined;
  readonly #dataset: string;
  readonly #way: FeedProgress['way'];

  constructor(dataset: string, way: FeedProgress['way']) {
    this.#dataset = dataset;
    this.#way = way;
  }

  get(): FeedProgress {
    const { sent, spoilt, state, lastError } = this;
    return { dataset: this.#dataset, way: this.#way, sent, spoilt, state, ...(lastError === undefined ? {} : { lastError }) };
  }
}
