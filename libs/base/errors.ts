/** The one catalogue of error codes. `docs/errors.md` is generated from it; a test compares the two. */
export interface ErrorEntry {
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retriable: boolean;
  /** HTTP status where the code reaches an HTTP caller. */
  readonly status: number;
  /** What it means and what to do, one or two sentences. */
  readonly meaning: string;
}

const entry = (status: number, retriable: boolean, meaning: string): ErrorEntry => ({ retriable, status, meaning });

export const errorCatalogue = {
  // Start-up
  'config-invalid': entry(500, false, 'A setting is unknown or has an impossible value. Correct it and start again.'),
  'java-missing': entry(
    500,
    false,
    'Java 17 or newer was not found. Install a JDK 17+ and make sure that `java` is on the PATH.',
  ),
  'maven-missing': entry(500, false, 'Maven was not found. Install Maven 3.8+ and make sure that `mvn` is on the PATH.'),
  'port-busy': entry(500, false, 'A port is in use by another program. Stop that program or set another port.'),
  'disk-full': entry(500, false, 'There is too little free disk space. Free some and start again.'),
  'broker-unreachable': entry(503, true, 'No Kafka broker answered. Check the address, the network and the credentials.'),
  'database-unreachable': entry(503, true, 'PostgreSQL did not answer. Check the URL, the network and the credentials.'),
  'service-failed': entry(500, false, 'An embedded service ended unexpectedly. Its log says why.'),
  'already-running': entry(500, false, 'Another Sluice uses this data directory. Stop it first.'),
  // Callers
  'unauthenticated': entry(401, false, 'The credentials are missing, wrong, expired or revoked.'),
  'participant-suspended': entry(
    403,
    false,
    'The participant is suspended: none of its accounts may do anything until the operator resumes it.',
  ),
  'issuer-unreachable': entry(503, true, 'The OIDC issuer did not answer, so that its token could not be checked. Try again.'),
  'forbidden': entry(403, false, 'The account may not do this.'),
  'not-found': entry(404, false, 'There is no such thing, or the account may not see it.'),
  'request-invalid': entry(400, false, 'The request is malformed. The detail names the place.'),
  'media-type-unsupported': entry(415, false, 'The content type is not one that this route takes.'),
  'request-too-large': entry(413, false, 'The request is over the limit. Send it in parts.'),
  'idempotency-key-reused': entry(
    422,
    false,
    'The same Idempotency-Key came with another body. Use a new key for a new request.',
  ),
  'request-in-progress': entry(
    409,
    true,
    'A request with the same Idempotency-Key is being worked on. Ask again for its answer.',
  ),
  'precondition-failed': entry(
    412,
    false,
    'It was changed since it was read. Read it again, and send the change with its new ETag.',
  ),
  'conflict': entry(409, false, 'The state of the thing does not allow this.'),
  'rate-limited': entry(429, true, 'Too many requests. Wait and try again.'),
  'internal': entry(500, false, 'Something went wrong on our side. The log has the details under the same trace id.'),
  // Schemas, policies, programs
  'schema-invalid': entry(422, false, 'The schema is not valid Avro, or uses what Sluice refuses. The detail names the field.'),
  'schema-unknown': entry(404, false, 'No schema has this id. Register it before producing with it.'),
  'schema-not-approved': entry(409, false, 'The schema exists, but no Program was approved for it on this feed.'),
  'schema-incompatible': entry(409, false, 'The schema is not compatible with the earlier versions of its subject.'),
  'registry-unreachable': entry(503, true, 'The schema registry did not answer. The partition waits and tries again.'),
  'policy-invalid': entry(422, false, 'The policy is not valid. The detail names the place.'),
  'policy-loosens': entry(
    422,
    false,
    "The policy is not shown to be at least as strict as the dataset's baseline. The detail names the place and both rules.",
  ),
  'offer-blocked': entry(
    409,
    false,
    'The dataset may not be offered: the detail names the rights or the classification that are missing.',
  ),
  'assignee-unfit': entry(409, false, 'The subscriber is not one that the policy is for, by sector or region.'),
  'policy-unenforceable': entry(422, false, 'The policy has a constraint that nothing here enforces, so the offer is refused.'),
  'plan-invalid': entry(422, false, 'A stage cannot be applied to this schema. The detail names the field and says why.'),
  'field-unnamed': entry(
    422,
    false,
    'A field of the schema is not named by any rule. Name it; keeping it takes an explicit `keep`.',
  ),
  'predicate-invalid': entry(422, false, 'The row condition cannot be compiled against this schema.'),
  'signature-invalid': entry(
    409,
    false,
    'What should be signed by the control plane is not, or not as it is. Nothing is governed by it.',
  ),
  'program-mismatch': entry(409, false, 'The Program does not have the approved hash. Nothing is governed by it.'),
  // Records
  'frame-invalid': entry(422, false, 'The value is not in Confluent wire format (a zero byte and a 4-byte schema id).'),
  'record-malformed': entry(422, false, 'The bytes are not a valid record of the writer schema.'),
  'record-too-large': entry(422, false, 'The record is over the size limit.'),
  'output-too-large': entry(422, false, 'The governed record does not fit the size limit.'),
  'batch-corrupt': entry(422, false, 'The record batch is truncated, fails its checksum or breaks a limit.'),
  'tombstone-refused': entry(422, false, 'A null value has no meaning on a feed that is not compacted.'),
  'value-unfit': entry(422, false, 'A value does not fit the rule of its field, and the rule says refuse.'),
  'key-unfit': entry(
    422,
    false,
    'The record key does not repeat the field that governs it, does not fit its rule, or is missing on a compacted feed.',
  ),
  'header-unfit': entry(
    422,
    false,
    'A header that should repeat the record key does not, or the headers of the record cannot be read.',
  ),
  'key-missing': entry(503, true, 'A key that the Program needs could not be resolved. Nothing is governed without it.'),
  'key-destroyed': entry(409, false, 'The key was shredded. What was governed under it can never be joined or opened again.'),
  'key-service-unreachable': entry(
    503,
    true,
    'The key service did not answer, or is sealed. What needs a key waits; agreements that have theirs go on.',
  ),
  'key-service-refused': entry(
    503,
    true,
    'The key service answered and refused: the token has ended or has no right to the key, or there is no such key. An operator mends that.',
  ),
  'suppressions-incomplete': entry(
    503,
    true,
    'The list of erased subjects of a dataset cannot be read to its end. Nothing of the dataset is governed until it can.',
  ),
  // Kafka
  'topic-authorization-failed': entry(403, false, 'The Kafka account may not use this topic.'),
  'producer-fenced': entry(409, false, 'A newer instance has taken this place over.'),
  'transaction-failed': entry(503, true, 'The Kafka transaction did not commit. The batch is read again.'),
  'refuse-rate-exceeded': entry(
    409,
    false,
    'More of the records were refused than the agreement allows. It is held until its directive changes.',
  ),
  'output-failed': entry(
    503,
    true,
    'The governed topic of an agreement does not take records. It is served alone until it does.',
  ),
  'outputs-too-few': entry(
    503,
    true,
    'A partition of the feed waits: a topic that its records go to does not have it yet. It goes on once all of them have grown.',
  ),
  'retention-nearly-used': entry(
    409,
    false,
    'A partition is read so late that its topic may delete records before they are read. Find what holds it up, or keep more.',
  ),
  'offset-out-of-range': entry(409, false, 'The position is no longer in the topic. An operator decides how to go on.'),
  'topic-recreated': entry(409, false, 'The topic was made anew. An operator decides how to go on.'),
  // Delivery
  'target-forbidden': entry(
    422,
    false,
    'Link may not connect there: a webhook needs https and a public address, unless the operator trusts the target.',
  ),
  'delivery-failed': entry(503, true, 'The destination did not take the batch. It is sent again.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

export const errorCodes = Object.keys(errorCatalogue) as readonly ErrorCode[];
