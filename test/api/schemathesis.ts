import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { apiOf, hosts } from '../support/api.ts';
import { startExecutor } from '../support/executor.ts';
import { keyOf, principal, startGate } from '../support/gate.ts';

/**
 * A program that knows nothing of the gate but its API document asks it whatever comes to its mind, and holds each answer
 * against the document. `.ci/run` calls this with where schemathesis is.
 */
const [program = 'schemathesis'] = process.argv.slice(2);

/** Checks that make no sense here: a well-formed request may be refused (that is what the gate is for). */
const EXCLUDED = ['positive_data_acceptance'];
/** Seconds for each of the two keys. */
const BUDGET_S = 14;

/**
 * A pre-flight answers 200 also where the request would be refused: that is its verdict. So what its schema does not allow
 * is either 4xx, when nothing can be decided on, or such a verdict.
 */
const SETTINGS = `
[[operations]]
include-path = "/v1/preflight"
checks.negative_data_rejection.expected-statuses = ["200", "4xx", "5xx"]
`;

/** Without the bounds of long lists: to make one of 200,001 names takes a minute, and the tests of targets do. */
function writeDocument(folder: string, text: string): string {
  const file = join(folder, 'openapi.json');
  const short: unknown = JSON.parse(text, (name, value: unknown) =>
    name === 'maxItems' && typeof value === 'number' && value > 100 ? undefined : value,
  );
  writeFileSync(file, JSON.stringify(short));
  return file;
}

async function run(file: string, url: string, who: string, filter: readonly string[]): Promise<boolean> {
  const options = [
    ...['run', file, '--url', url],
    ...['--header', `Authorization: Bearer ${keyOf(who)}`, '--max-time', String(BUDGET_S)],
    ...['--exclude-checks', EXCLUDED.join(','), '--phases', 'examples,coverage,fuzzing'],
    ...['--seed', '1', '--continue-on-failure', '--generation-database', 'none', '--request-timeout', '15'],
    ...['--suppress-health-check', 'all', '--warnings', 'off', '--no-color', ...filter],
  ];
  // In the folder that goes with the gate: it writes what it found where it is. So only a bare name is looked up from there.
  const cwd = dirname(file);
  const settings = join(cwd, 'schemathesis.toml');
  writeFileSync(settings, SETTINGS);
  const command = program.includes('/') ? resolve(program) : program;
  const child = spawn(command, ['--config-file', settings, ...options], { stdio: 'inherit', cwd });
  const [code]: unknown[] = await once(child, 'close');
  return code === 0;
}

const executor = await startExecutor();
const gate = await startGate({
  executor: executor.url,
  config: {
    actions: { 'machine.decommission': {} },
    principals: [
      principal('feed', ['inventory']),
      principal('anything', ['requester', 'executor', 'auditor', 'inventory'], ['machine.decommission']),
      principal('operator', ['operator', 'auditor']),
    ],
  },
});
try {
  const api = apiOf(gate);
  const loaded = await api.put('host', hosts('host', 50));
  if (loaded.status !== 200) throw new Error(`the inventory was not loaded: ${loaded.text}`);
  const file = writeDocument(gate.folder, (await api.get('/openapi.json', { as: null })).text);
  // NDJSON it cannot write: the tests of loads do. The switch last: what is engaged stays so.
  const isRight = await run(file, gate.url, 'anything', [
    ...['--exclude-tag', 'Kill switch'],
    ...['--exclude-path', '/v1/inventory/{kind}'],
  ]);
  const isStoppable = await run(file, gate.url, 'operator', ['--include-tag', 'Kill switch']);
  const crashed = gate.logs().filter(line => Number(line['level']) >= 60);
  if (crashed.length > 0) process.stderr.write(`${JSON.stringify(crashed)}\n`);
  process.exitCode = isRight && isStoppable && crashed.length === 0 ? 0 : 1;
} finally {
  await gate.close();
  await executor.close();
}
