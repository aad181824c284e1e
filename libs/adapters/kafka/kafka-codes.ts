/** Kafka's error codes that decide something here, and their mapping to Failures. Source: Apache Kafka protocol guide, "Error Codes". */
import type { Failure } from '../../base/index.ts';
import { fail } from '../../base/index.ts';

export const kafkaCodes = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  networkException: 13,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  unknownMemberId: 25,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  topicAlreadyExists: 36,
  duplicateSequenceNumber: 46,
  invalidProducerEpoch: 47,
  invalidTxnState: 48,
  concurrentTransactions: 51,
  transactionalIdAuthorizationFailed: 53,
  kafkaStorageError: 56,
  saslAuthenticationFailed: 58,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  unstableOffsetCommit: 88,
  producerFenced: 90,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
  fencedMemberEpoch: 110,
  unreleasedInstanceId: 111,
  staleMemberEpoch: 113,
} as const;

const passing = new Set<number>([
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
    case kafkaCodes.producerFenced:
    case kafkaCodes.invalidProducerEpoch:
    case kafkaCodes.fencedMemberEpoch:
    case kafkaCodes.staleMemberEpoch:
    case kafkaCodes.unknownMemberId:
      return fail('producer-fenced', `${action}: another instance took over (error ${code})`);
    case kafkaCodes.offsetOutOfRange:
      return fail('offset-out-of-range', `${action}: the position is not in the topic`);
    case kafkaCodes.unknownTopicOrPartition:
    case kafkaCodes.unknownTopicId:
      return fail('broker-unreachable', `${action}: the cluster has no such topic or partition`);
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
