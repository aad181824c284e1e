/**
 * The parts of `@platformatic/kafka` that are used: its connection and its requests, from their own files. Its main file also loads clients that are
 * not used here and compiles the schemas of their options, which is a sixth of the CPU time in which a killed data plane is back. Its version is
 * pinned, and a release that has other files fails at the first import.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type * as Platformatic from '@platformatic/kafka';

type Library = typeof Platformatic;

const main = pathToFileURL(createRequire(import.meta.url).resolve('@platformatic/kafka'));
const part = (file: string): Promise<Library> => import(new URL(file, main).href) as Promise<Library>;

export const { Connection } = await part('network/connection.js');
export const {
  AclOperations,
  AclPermissionTypes,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
  ResourcePatternTypes,
  ResourceTypes,
  alterClientQuotasV1,
  alterUserScramCredentialsV0,
  apiVersionsV4,
  consumerGroupHeartbeatV1,
  createAclsV3,
  createTopicsV7,
  deleteAclsV3,
  deleteTopicsV6,
  describeAclsV3,
  describeClientQuotasV0,
  describeConfigsV4,
  describeUserScramCredentialsV0,
  findCoordinatorV6,
  incrementalAlterConfigsV1,
  listOffsetsV9,
  metadataV12,
  offsetFetchV9,
} = await part('apis/index.js');
