export type { TestBroker, TestBrokers } from './brokers.ts';
export { startTestBrokers } from './brokers.ts';
export type { TestDatabase, TestKafka } from './services.ts';
export { freshDatabase, testKafka, uniqueId } from './services.ts';
export { approvingLog, testSigner, testSignerKeys, withSignedPrograms } from './test-signer.ts';
