/**
 * The arrows of docs/ARCHITECTURE.md: who may import whom. `arrows.spec.ts` plants a fault for every rule here.
 * apps -> adapters -> {stages, catalog, ledger} -> govern -> {avro, records, odrl, identifiers} -> base
 */
const rooms = '(wasm|ciphers|avro|records|odrl|identifiers|govern|stages|catalog|ledger|base|testkit)';
const tests = '((\\.spec|-fixture)\\.ts$|^test/|^libs/testkit/)';
const npm = (name) => `(^|/)node_modules/${name}/`;

/** A room of libs that may import only itself and the named rooms (of ours). */
const room = (name, ...allowed) => ({
  name: `${name.replace('adapters/[^/]+', 'adapters')}-imports-only-below`,
  comment: `libs/${name} may import ${allowed.join(', ') || 'no other room'}. Move the code down, or pass what it needs in from an app.`,
  severity: 'error',
  from: { path: `^libs/${name}/`, pathNot: tests },
  to: {
    path: '^(apps|libs|deploy|test)/',
    pathNot: [
      `^libs/(${[name, ...allowed].join('|')})/`,
      '^libs/telemetry/(index|names)\\.ts$',
      '^libs/telemetry/traceparent\\.ts$',
    ],
  },
});

const only = (name, packages, from) => ({
  name: `only-${name}`,
  comment: `${packages.join(', ')}: only ${from.join(' and ')} may import it. Use that room's functions instead.`,
  severity: 'error',
  from: { path: '^(apps|libs|deploy)/', pathNot: [...from, tests] },
  to: { path: packages.map(npm).join('|') },
});

module.exports = {
  forbidden: [
    room('base'),
    room('identifiers', 'base'),
    room('odrl', 'base'),
    room('avro', 'base'),
    room('wasm', 'base'),
    room('ciphers', 'base'),
    room('records', 'wasm', 'ciphers', 'base'),
    room('govern', 'wasm', 'ciphers', 'avro', 'records', 'odrl', 'identifiers', 'base'),
    room('stages', 'govern', 'ciphers', 'avro', 'odrl', 'identifiers', 'base'),
    room('catalog', 'govern', 'avro', 'records', 'odrl', 'identifiers', 'base'),
    room('ledger', 'govern', 'avro', 'records', 'odrl', 'identifiers', 'base'),
    room('telemetry', 'base'),
    {
      name: 'adapters-import-only-below',
      comment: 'An adapter may import core rooms; never an app.',
      severity: 'error',
      from: { path: '^libs/adapters/', pathNot: tests },
      to: { path: ['^(apps|deploy|test)/', '^libs/testkit/'] },
    },
    {
      name: 'adapters-apart',
      comment: 'Adapters never import each other; an app joins them.',
      severity: 'error',
      from: { path: '^libs/adapters/([^/]+)/', pathNot: tests },
      to: { path: '^libs/adapters/', pathNot: '^libs/adapters/$1/' },
    },
    {
      name: 'stages-apart',
      comment: 'A stage never imports another stage. What two stages share belongs to govern.',
      severity: 'error',
      from: { path: '^libs/stages/([^/]+)/', pathNot: tests },
      to: { path: '^libs/stages/[^/]+/', pathNot: '^libs/stages/$1/' },
    },
    {
      name: 'only-apps-start-telemetry',
      comment: 'Any room may use the names and spans; only apps (and tests) start telemetry.',
      severity: 'error',
      from: { path: '^libs/', pathNot: ['^libs/telemetry/', tests] },
      to: { path: '^libs/telemetry/start-' },
    },
    {
      name: 'embedded-alone-joins-apps',
      comment: 'Nothing imports an app, except apps/embedded and tests.',
      severity: 'error',
      from: {
        path: '^(apps/([^/]+)|libs/[^/]+|deploy/[^/]+)/',
        pathNot: ['^apps/embedded/', tests],
      },
      to: { path: '^apps/', pathNot: '^apps/$2/' },
    },
    {
      name: 'testkit-for-tests-alone',
      comment: 'The testkit is for tests.',
      severity: 'error',
      from: { path: '^(apps|libs|deploy)/', pathNot: tests },
      to: { path: '^libs/testkit/' },
    },
    {
      name: 'deploy-stays-outside',
      comment: 'Product code imports nothing from test/, and deploy/ only from apps/embedded and apps/cli.',
      severity: 'error',
      from: {
        path: '^(apps|libs)/',
        pathNot: [tests, '^apps/(embedded|cli)/'],
      },
      to: { path: '^(deploy|test)/' },
    },
    {
      name: 'rooms-by-their-door',
      comment: 'Import a room through its index.ts.',
      severity: 'error',
      from: {
        path: '^(?:apps|deploy|test|libs)/([^/]+)/',
        pathNot: '^libs/testkit/|^test/tidy/',
      },
      to: {
        path: `^libs/${rooms}/`,
        pathNot: `^libs/$1/|^libs/${rooms}/index\\.ts$`,
      },
    },
    {
      name: 'adapters-by-their-door',
      comment: 'Import an adapter through its index.ts.',
      severity: 'error',
      from: {
        path: '^(apps|deploy|test|libs)/',
        pathNot: '^libs/adapters/|^libs/testkit/',
      },
      to: {
        path: '^libs/adapters/[^/]+/',
        pathNot: '^libs/adapters/[^/]+/index\\.ts$',
      },
    },
    only('postgres-speaks-sql', ['typeorm', 'pg'], ['^libs/adapters/postgres/']),
    only('avro-uses-avsc', ['avsc'], ['^libs/avro/']),
    only('kafka-adapter-uses-its-wire-library', ['@platformatic/kafka'], ['^libs/adapters/kafka/']),
    only('apps-use-nest', ['@nestjs/[^/]+', 'reflect-metadata'], ['^apps/']),
    only('apps-and-platforms-use-kafkajs', ['kafkajs'], ['^apps/', '^deploy/local/']),
    {
      name: 'no-circle',
      comment: 'Two files that import each other are one file, or miss a third.',
      severity: 'error',
      from: {},
      // Entities name each other's types; at run time there is no circle.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'resolvable',
      comment: 'This import leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'product-without-development-packages',
      comment: 'Product code may not import a package that only development installs.',
      severity: 'error',
      from: { path: '^(apps|libs|deploy)/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '^dist/'] },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
