export type { DirectoryLock } from './directory-lock.ts';
export { lockDirectory } from './directory-lock.ts';
export type { KafkaService, KafkaServiceOptions } from './kafka.ts';
export { newClusterId, startKafka } from './kafka.ts';
export { choosePorts, isPortFree } from './ports.ts';
export type { PostgresService, PostgresServiceOptions } from './postgres.ts';
export { keptPostgresUrl, startPostgres, wipePostgres } from './postgres.ts';
export { kafkaJarsDirectory, repositoryRoot } from './repository.ts';
export { keptSecret } from './secrets.ts';
