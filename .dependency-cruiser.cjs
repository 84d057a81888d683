// The rules of the house about who may know whom; test/layout.test.ts holds the rest.

/** The steps after validation, in the order of the way. A step never knows one that comes after it. */
const steps = ['validate', 'targets', 'blast-radius', 'policy', 'ledger', 'forward', 'outcome'];
const beside = ['inventory', 'kill-switch', 'evidence', 'audit', 'metrics'];
const edges = ['intake', 'cli', 'demo', 'drill'];

const rooms = names => `^src/(${names.join('|')})/`;
const none = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });
const value = { dependencyTypesNot: ['type-only'] };

/** A library with one home: whoever else wants it asks that room. */
const home = (library, folders) =>
  none(
    `home-of-${library.replaceAll(/[^a-z]+/g, '-')}`,
    `${library} has one home.`,
    { pathNot: folders },
    { path: `(^|/)node_modules/${library}(/|$)`, ...value },
  );

const laterSteps = steps
  .slice(0, -1)
  .map((step, index) =>
    none(
      `${step}-knows-nothing-later`,
      'A step takes what the steps before give, and never looks ahead.',
      { path: rooms([step]) },
      { path: rooms(steps.slice(index + 1)) },
    ),
  );

module.exports = {
  forbidden: [
    none('no-cycles', 'What goes in circles cannot be read from top to bottom.', {}, { circular: true }),
    none('no-unresolved', 'An import that leads nowhere.', {}, { couldNotResolve: true }),
    none(
      'no-dev-dependencies',
      'What is not installed for users.',
      { path: '^src/' },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    ),
    none(
      'src-knows-no-tests',
      'Tests look at the house, not the other way round.',
      { path: '^src/' },
      { path: '^test/' },
    ),
    ...laterSteps,
    none(
      'kit-knows-no-room',
      'kit/ is general: it knows nobody.',
      { path: rooms(['kit']) },
      { path: '^src/', pathNot: rooms(['kit']) },
    ),
    none(
      'db-knows-kit-and-config',
      'db/ carries rows and knows nothing of what they mean.',
      { path: rooms(['db']) },
      { path: '^src/', pathNot: rooms(['db', 'kit', 'config']) },
    ),
    none(
      'config-reads-shapes-only',
      'config/ comes before all; of the rooms it knows how limits and parameters are written.',
      { path: rooms(['config']) },
      {
        path: '^src/',
        pathNot: [
          '^src/(config|kit)/',
          '^src/policy/(limits|limit-shape|manifest)\\.ts$',
          '^src/validate/(parameters|validated)\\.ts$',
        ],
      },
    ),
    none(
      'pure-rooms-stay-pure',
      'validate/, blast-radius/ and policy/ have no store.',
      { path: rooms(['validate', 'blast-radius', 'policy']) },
      { path: rooms(['db', ...beside]) },
    ),
    none(
      'steps-know-nothing-beside',
      'What stands beside the way knows the steps, so no step may know it, types included; of the inventory they know how a label is written as a tag.',
      { path: rooms(steps) },
      { path: rooms(beside), pathNot: '^src/inventory/describe-kind\\.ts$' },
    ),
    none(
      'forward-takes-a-permit',
      'forward/ takes a permit and nothing else: of the other rooms it knows types.',
      { path: rooms(['forward']) },
      { path: '^src/', pathNot: rooms(['forward', 'kit']), ...value },
    ),
    none(
      'intake-knows-types-of-steps',
      'intake/ calls the steps through ports.',
      { path: rooms(['intake']) },
      { path: rooms([...steps, 'db']), ...value },
    ),
    none(
      'intake-does-not-forward',
      'Nothing but the outcome step and the wiring knows forward/.',
      {
        path: '^src/',
        pathNot: ['^src/(forward|outcome)/', '^src/(app|gate)\\.ts$'],
      },
      { path: rooms(['forward']) },
    ),
    none(
      'inventory-decides-nothing',
      'inventory/ loads; of the steps it knows none.',
      { path: rooms(['inventory']) },
      { path: rooms([...steps, 'intake']) },
    ),
    none(
      'nobody-knows-the-edges',
      'intake/, cli/, demo/ and drill/ are asked by nobody but the wiring.',
      { path: '^src/[^/]+/', pathNot: rooms(edges) },
      { path: rooms(edges) },
    ),
    none(
      'demo-is-a-client',
      'demo/ knows the gate over HTTP, as anybody does.',
      { path: rooms(['demo']) },
      { path: '^src/', pathNot: rooms(['demo', 'scratch', 'kit']) },
    ),
    none(
      'drill-is-a-client',
      'drill/ knows the gate over HTTP, as anybody does, and how its files are written.',
      { path: rooms(['drill']) },
      { path: '^src/', pathNot: rooms(['drill', 'scratch', 'config', 'kit']) },
    ),
    none(
      'scratch-stands-alone',
      'scratch/ starts a real gate for a while; what is done with it, others know.',
      { path: rooms(['scratch']) },
      { path: '^src/', pathNot: rooms(['scratch', 'kit']) },
    ),
    none(
      'scratch-is-for-trials',
      'What starts gates for a while is of the demo and the drill.',
      { path: '^src/', pathNot: rooms(['demo', 'drill', 'scratch']) },
      { path: rooms(['scratch']) },
    ),
    none(
      'client-stands-alone',
      'client/ is published: it knows the gate over HTTP, and of the rooms kit/ and the types of what is answered.',
      { path: rooms(['client']) },
      { path: '^src/', pathNot: ['^src/(client|kit)/', '^src/api/(answers|policy-answer)\\.ts$'] },
    ),
    none(
      'client-takes-types-of-answers',
      'The schemas of the answers would bring their library along.',
      { path: rooms(['client']) },
      { path: ['^src/api/', '(^|/)node_modules/zod(/|$)'], ...value },
    ),
    none(
      'rooms-do-not-wire',
      'Only the files of the root, and the command line, wire rooms together.',
      { path: '^src/[^/]+/', pathNot: rooms(['cli']) },
      { path: '^src/[^/]+\\.ts$' },
    ),
    home('kysely', ['^src/db/', '^src/ledger/', '(^|[/-])queries\\.ts$', '^test/']),
    home('pg', ['^src/db/', '^test/']),
    home('@electric-sql/pglite', ['^src/db/', '^test/']),
    home('@open-policy-agent/opa-wasm', ['^src/policy/', '^test/']),
    home('express', ['^src/intake/', '^test/']),
    home('undici', ['^src/(forward|client)/', '^test/']),
    home('prom-client', ['^src/metrics/', '^test/']),
    home('pino', ['^src/kit/logger\\.ts$']),
    home('commander', ['^src/cli/']),
    home('close-with-grace', ['^src/cli/']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
    skipAnalysisNotInRules: true,
  },
};
