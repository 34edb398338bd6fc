/* Imports point down only: see docs/architecture.md. Type imports are free. */
const layer = (name, from, to) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: { path: to, dependencyTypesNot: ['type-only'] },
});
const adapters = '^src/(queue|storage|telemetry)/';
const parts = '^src/(coordinator|poller|api|alerts)/';
const tops = '^src/(cli|roles|main)';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    layer(
      'core-imports-nothing-above',
      '^src/(domain|miner|actor)/',
      `${adapters}|${parts}|${tops}|^src/config/|^workers/|^load-test/`,
    ),
    layer('domain-imports-domain-only', '^src/domain/', '^src/(miner|actor)/'),
    layer('miner-imports-domain-only', '^src/miner/', '^src/actor/'),
    layer('adapters-import-core-only', adapters, `${parts}|${tops}|^workers/|^load-test/`),
    layer('parts-import-no-top', parts, `${tops}|^workers/|^load-test/`),
    ...['coordinator', 'poller', 'api', 'alerts'].map((part) => ({
      name: `${part}-meets-others-only-in-roles`,
      severity: 'error',
      from: { path: `^src/${part}/` },
      to: { path: parts, pathNot: `^src/${part}/`, dependencyTypesNot: ['type-only'] },
    })),
    layer('workers-import-miner-and-domain', '^workers/', '^src/(?!domain/|miner/)|^load-test/'),
    {
      name: 'pure-core-opens-nothing',
      severity: 'error',
      from: { path: '^src/(domain|miner)/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|net|url)$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
      extensions: ['.ts', '.js'],
    },
  },
};
