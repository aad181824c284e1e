/** What must be on the machine. Each check ends the command with one sentence that says what to do. */
import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { root } from './places.mjs';
import { NotPossible } from './say.mjs';

const nodeMajorMin = 20;
const javaMajorMin = 17;

export function needNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < nodeMajorMin) {
    throw new NotPossible(
      `Node ${process.versions.node} is too old. Install Node ${nodeMajorMin} or newer and run the command again.`,
    );
  }
}

export function needJava() {
  const { error, status, stderr, stdout } = spawnSync('java', ['-version'], { encoding: 'utf8' });
  if (error || status !== 0) {
    throw new NotPossible(
      `Java was not found. Install a JDK ${javaMajorMin} or newer and make sure that \`java\` is on the PATH.`,
    );
  }
  const version = /version "([^"]+)"/.exec(`${stderr}${stdout}`)?.[1] ?? '0';
  const [first, second] = version.split(/[._-]/).map(Number);
  const major = first === 1 ? second : first;
  if (!(major >= javaMajorMin)) {
    throw new NotPossible(
      `Java ${version} is too old. Install a JDK ${javaMajorMin} or newer and make sure that it is the \`java\` on the PATH.`,
    );
  }
}

export function needMaven() {
  const { error, status } = spawnSync('mvn', ['-v'], { stdio: 'ignore' });
  if (error || status !== 0) {
    throw new NotPossible(
      'Maven was not found; it is needed once, for the Kafka jars. Install Maven 3.8 or newer and make sure that `mvn` is on the PATH.',
    );
  }
}

/** `ask` tells the free blocks of the file system under a path, as `statfsSync` does. */
export function needDisk(bytes, ask = statfsSync) {
  const { bavail, bsize } = ask(root);
  const free = bavail * bsize;
  if (free < bytes) {
    throw new NotPossible(
      `There is too little free disk space: ${megabytes(free)} MB free, ${megabytes(bytes)} MB needed. Free some and run the command again.`,
    );
  }
}

const megabytes = (bytes) => Math.floor(bytes / 1024 ** 2);
