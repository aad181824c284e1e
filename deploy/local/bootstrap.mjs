/**
 * The way in: `npm start`, `npm test`, `npm run check`, `npm run generate`, `npm run bench`, `npm run sluice` and the rest all come here.
 * It runs on any Node 20 or newer with nothing installed, installs what is missing, builds, and goes on with the pinned Node 24.
 */
import { npmPackages, pinnedNode, postgresLinks } from './bootstrap/install.mjs';
import { kafkaJars } from './bootstrap/kafka-jars.mjs';
import { withInstallLock } from './bootstrap/lock.mjs';
import { distFile, root } from './bootstrap/places.mjs';
import { needDisk, needJava, needMaven, needNode } from './bootstrap/requirements.mjs';
import { runToEnd } from './bootstrap/run.mjs';
import { NotPossible } from './bootstrap/say.mjs';
import { build } from './bootstrap/build.mjs';
import { test, testProperties } from './bootstrap/test.mjs';
import { check, format, generate } from './bootstrap/check.mjs';

const [command = 'start', ...rest] = process.argv.slice(2);
const given = rest[0] === '--' ? rest.slice(1) : rest;

/** kafkajs asks for timers in the past, about which Node warns. */
const nodeFlags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];

const commands = {
  start: async () => {
    // The demo's regional platform has a broker of its own, whatever Sluice itself runs on.
    const node = await prepare({ kafka: !process.env['SLUICE_KAFKA_BROKERS'] || !given.includes('--no-demo') });
    await build(node);
    return runToEnd(node, [...nodeFlags, distFile('apps/embedded/main.js'), ...given]);
  },
  test: async () => {
    const node = await prepare({ kafka: true });
    await build(node);
    return test(node, given);
  },
  'test:property': async () => {
    const node = await prepare({ kafka: false });
    await build(node);
    return testProperties(node);
  },
  'test:fault': async () => {
    const node = await prepare({ kafka: true });
    await build(node, { quiet: true });
    return runToEnd(node, [...nodeFlags, distFile('test/fault/main.js'), ...given]);
  },
  bench: async () => {
    const node = await prepare({ kafka: ['pipeline', 'control'].includes(given[0]) });
    await build(node, { quiet: true });
    return runToEnd(node, [...nodeFlags, '--expose-gc', distFile('test/bench/main.js'), ...given]);
  },
  'measure:scrub': async () => {
    const node = await prepare({ kafka: false });
    await build(node, { quiet: true });
    return runToEnd(node, [...nodeFlags, distFile('test/scrub/measure.js'), ...given]);
  },
  check: async () => check(await prepare({ kafka: false }), given),
  generate: async () => {
    const node = await prepare({ kafka: false });
    await build(node);
    return generate(node, given);
  },
  format: async () => format(await prepare({ kafka: false }), given),
  sluice: async () => {
    const node = await prepare({ kafka: false });
    await build(node, { quiet: true });
    return runToEnd(node, [...nodeFlags, distFile('apps/cli/main.js'), ...given]);
  },
};

/** Makes sure of everything the command needs and returns the pinned node's path. Checks come before the first change. */
async function prepare({ kafka }) {
  process.chdir(root);
  needNode();
  if (kafka) needJava();
  const jars = kafkaJars();
  const packages = npmPackages();
  const missing = [packages.missing, kafka && jars.missing].filter(Boolean).length;
  if (kafka && jars.missing) needMaven();
  needDisk(missing > 0 ? 3 * 1024 ** 3 : 256 * 1024 ** 2);
  if (missing > 0) {
    await withInstallLock(async () => {
      await npmPackages().install();
      if (kafka) await kafkaJars().install();
    });
  }
  postgresLinks();
  return pinnedNode();
}

if (!Object.hasOwn(commands, command)) {
  console.error(`There is no command "${command}". Use one of: ${Object.keys(commands).join(', ')}.`);
  process.exitCode = 1;
} else {
  try {
    process.exitCode = await commands[command]();
  } catch (error) {
    if (!(error instanceof NotPossible)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
