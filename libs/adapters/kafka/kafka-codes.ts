/** Kafka's error codes that decide something here, and their mapping to Failures. Source: Apache Kafka protocol guide, "Error Codes". */
import type { Failure } from '../../base/index.ts';
import { fail } from '../../base/index.ts';

export const kafkaCodes = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  networkException: 13,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  unknownMemberId: 25,
  illegalGeneration: 22,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  unsupportedSaslMechanism: 33,
  illegalSaslState: 34,
  topicAlreadyExists: 36,
  outOfOrderSequenceNumber: 45,
  duplicateSequenceNumber: 46,
  invalidProducerEpoch: 47,
  invalidTxnState: 48,
  invalidProducerIdMapping: 49,
  concurrentTransactions: 51,
  transactionalIdAuthorizationFailed: 53,
  kafkaStorageError: 56,
  saslAuthenticationFailed: 58,
  unknownProducerId: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  unstableOffsetCommit: 88,
  producerFenced: 90,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
  fencedMemberEpoch: 110,
  unreleasedInstanceId: 111,
  staleMemberEpoch: 113,
  transactionAbortable: 120,
} as const;

const passing = new Set<number>([
  kafkaCodes.corruptMessage,
  kafkaCodes.unknownTopicOrPartition,
  kafkaCodes.leaderNotAvailable,
  kafkaCodes.notLeaderOrFollower,
  kafkaCodes.requestTimedOut,
  kafkaCodes.networkException,
  kafkaCodes.coordinatorLoading,
  kafkaCodes.coordinatorNotAvailable,
  kafkaCodes.notCoordinator,
  kafkaCodes.notEnoughReplicas,
  kafkaCodes.notEnoughReplicasAfterAppend,
  kafkaCodes.concurrentTransactions,
  kafkaCodes.kafkaStorageError,
  kafkaCodes.fencedLeaderEpoch,
  kafkaCodes.unknownLeaderEpoch,
  kafkaCodes.unstableOffsetCommit,
  kafkaCodes.unknownTopicId,
  kafkaCodes.inconsistentTopicId,
]);

/** Whether the same request may succeed shortly, perhaps at another broker. */
export const isPassing = (code: number): boolean => passing.has(code);

/** Whether an answer to Produce means that nothing of this producer will be taken any more. */
export const endsProducer = (code: number): boolean => producerEnds.has(code);

const producerEnds = new Set<number>([
  kafkaCodes.producerFenced,
  kafkaCodes.invalidProducerEpoch,
  kafkaCodes.invalidTxnState,
  kafkaCodes.invalidProducerIdMapping,
  kafkaCodes.unknownProducerId,
  kafkaCodes.outOfOrderSequenceNumber,
  kafkaCodes.transactionalIdAuthorizationFailed,
  kafkaCodes.clusterAuthorizationFailed,
]);

/** Whether an answer to Produce is about the transaction and its coordinator, not about the partition. */
export const isOfTransaction = (code: number): boolean =>
  code === kafkaCodes.concurrentTransactions ||
  code === kafkaCodes.coordinatorLoading ||
  code === kafkaCodes.coordinatorNotAvailable ||
  code === kafkaCodes.notCoordinator ||
  code === kafkaCodes.transactionAbortable;

/** CONCURRENT_TRANSACTIONS passes within milliseconds; other errors get a longer pause. `attempt` counts from 0. */
export const backOffMs = (code: number, attempt: number): number =>
  code === kafkaCodes.concurrentTransactions
    ? 1 + Math.min(attempt, 2) + Math.min(20, attempt >> 5)
    : Math.min(500, 20 * (attempt + 1));

/** The Failure of a Kafka error code. `action` is in gerund form and holds no record value. */
export function codeFailure(code: number, action: string): { readonly ok: false; readonly failure: Failure } {
  switch (code) {
    case kafkaCodes.topicAuthorizationFailed:
    case kafkaCodes.groupAuthorizationFailed:
    case kafkaCodes.clusterAuthorizationFailed:
    case kafkaCodes.transactionalIdAuthorizationFailed:
      return fail('topic-authorization-failed', `${action}: Kafka refused the account (error ${code})`);
    case kafkaCodes.saslAuthenticationFailed:
      return fail('unauthenticated', `${action}: the credentials were refused`);
    case kafkaCodes.unsupportedSaslMechanism:
    case kafkaCodes.illegalSaslState:
      return fail('unauthenticated', `${action}: the broker does not take this way of authenticating (error ${code})`);
    case kafkaCodes.producerFenced:
    case kafkaCodes.invalidProducerEpoch:
    case kafkaCodes.fencedMemberEpoch:
    case kafkaCodes.staleMemberEpoch:
    case kafkaCodes.unknownMemberId:
    case kafkaCodes.illegalGeneration:
      return fail('producer-fenced', `${action}: another instance took over (error ${code})`);
    case kafkaCodes.offsetOutOfRange:
      return fail('offset-out-of-range', `${action}: the position is not in the topic`);
    case kafkaCodes.unknownTopicOrPartition:
    case kafkaCodes.unknownTopicId:
      return fail('broker-unreachable', `${action}: the cluster has no such topic or partition`);
    case kafkaCodes.messageTooLarge:
    case kafkaCodes.recordListTooLarge:
      return fail('record-too-large', `${action}: the topic takes no batch of this size`);
    case kafkaCodes.networkException:
      return fail('broker-unreachable', `${action}: no broker answered`);
    default:
      return fail(isPassing(code) ? 'broker-unreachable' : 'transaction-failed', `${action}: Kafka error ${code}`);
  }
}

/** The Kafka error code inside an error of the library, or undefined for a network error or time-out. */
export function codeOfError(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('apiCode' in error && typeof error.apiCode === 'number') return error.apiCode;
  if ('errors' in error && Array.isArray(error.errors)) {
    for (const inner of error.errors) {
      const code = codeOfError(inner);
      if (code !== undefined) return code;
    }
  }
  if ('cause' in error) return codeOfError(error.cause);
  return undefined;
}
