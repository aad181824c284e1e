/** The lock under which everything of one dataset changes: its row, its writer schemas, its agreements and their directives. */
export const datasetLock = (dataset: string): string => `dataset/${dataset}`;

/** The lock under which a participant's row changes. */
export const participantLock = (participant: string): string => `participant/${participant}`;
