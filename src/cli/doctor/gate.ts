import { z } from 'zod';
import type { Config } from '../../config/config.ts';
import { asError, codeOf } from '../../kit/fault.ts';
import { ownUrlOf } from '../gate-url.ts';
import { listNames } from '../../kit/text.ts';
import type { NextCommand } from '../next-command.ts';
import { printable } from '../printable.ts';
import { findingsOf, type Finding } from './finding.ts';
import { ageOf, lookAtStore, lookAtSwitches, readGauges, type Gauges } from './gauges.ts';

const ANSWER_MS = 5_000;

const check = z.object({
  ok: z.boolean(),
  detail: z.string().optional(),
  rule: z.string().optional(),
  known: z.boolean().optional(),
});
const readyToDecide = z.object({
  checks: z.object({
    process: check,
    database: check,
    policy: check,
    clock: check,
    kinds: z.record(z.string(), check),
  }),
});

/** What is known of a gate before it is asked. */
export interface Expected {
  /** `must`: it was named, or holds the store. `should`: one may have run here before. */
  readonly runs: 'must' | 'should' | 'may';
  /** Whether the store itself was looked into: then nothing is said twice. */
  readonly storeRead: boolean;
  /** By which certificates it is asked. */
  readonly fetch?: typeof globalThis.fetch;
  /** How its next steps are typed. */
  readonly next: NextCommand;
}

export interface GateFound {
  readonly findings: readonly Finding[];
  /** Whether it decides by its clock: it agrees with its database's, or an operator has accepted that one's time. */
  readonly clockIsWell: boolean;
}

const alone = (...findings: readonly Finding[]): GateFound => ({ findings, clockIsWell: false });

/** What the gate of a configuration says without a key, asked where it listens: at a shared address another one may answer. */
export async function askOwnGate(
  config: Config,
  expected: Expected & { readonly showsCertificate: boolean },
): Promise<GateFound> {
  const { unknown } = findingsOf('gate');
  const url = ownUrlOf(config);
  if (url === undefined)
    return alone(unknown('the configuration lets the system choose the port', 'name the gate with --url'));
  if (config.tls?.pem.ca !== undefined && !expected.showsCertificate)
    return alone(
      unknown(
        `the gate at ${url} hears only who shows a certificate (\`client_ca\`), and doctor was given none`,
        'give it one: --cert FILE --cert-key FILE',
      ),
    );
  return await askGate(url, expected);
}

/** Asks a gate what it says without a key. */
export async function askGate(url: string, expected: Expected): Promise<GateFound> {
  const ask = expected.fetch ?? fetch;
  let answer: Response;
  try {
    answer = await ask(at(url, '/readyz/decide'), {
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch (thrown) {
    const error = asError(thrown);
    return alone(
      (await isAlive(url, error, ask)) ? waitsForStore(url) : withoutAnswer(url, expected.runs, error),
    );
  }
  const body = readyToDecide.safeParse(await answer.json().catch(() => undefined));
  if (!body.success)
    return alone(
      findingsOf('gate').unknown(
        `${url} answers ${answer.status}, and not as a gate does`,
        'name where the gate listens with --url',
      ),
    );
  const gauges = await readGauges(at(url, '/metrics'), ANSWER_MS, ask);
  const { database, clock } = body.data.checks;
  const findings = [
    ...lookAtChecks(url, body.data, gauges, expected),
    // While the database is away they stand as they did.
    ...(database.ok
      ? [
          ...lookAtSwitches(gauges, expected.next),
          ...(expected.storeRead ? [] : lookAtStore(gauges, expected.next)),
        ]
      : []),
  ];
  return { findings, clockIsWell: clock.ok };
}

/** Readiness waits for the database, for longer than anybody here waits for it. @param error why nothing came */
async function isAlive(url: string, error: Error, ask: typeof fetch): Promise<boolean> {
  if (error.name !== 'TimeoutError') return false;
  return await ask(at(url, '/livez'), { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

const waitsForStore = (url: string): Finding =>
  findingsOf('gate').fail(
    `${url} runs, and did not say in ${ANSWER_MS / 1000} s whether it can decide: mostly its database hangs`,
    'see why the database hangs; until it answers the kill file works without it. Do not restart the gate',
  );

/** A gate's address may have a path of its own. */
const at = (url: string, path: string): string => url.replace(/\/+$/, '') + path;

/** Only a port on which nobody listens says that no gate runs. A handshake that fails says that somebody is there. */
function withoutAnswer(url: string, runs: Expected['runs'], error: Error): Finding {
  const { ok, warn, fail, unknown } = findingsOf('gate');
  const { message, code } = reasonOf(error);
  const said = `no gate answers at ${url}: ${message}`;
  if (isOfTls(code))
    return unknown(
      said,
      'name the gate with --url as its certificate does; --ca FILE for an authority of your own, --cert FILE --cert-key FILE where it asks for one',
    );
  if (runs === 'must') return fail(said, 'start it, or name where it listens with --url');
  if (code !== 'ECONNREFUSED')
    return unknown(said, 'see whether it runs, or name where it listens with --url');
  return runs === 'may'
    ? ok(`no gate runs at ${url}, and none has yet`)
    : warn(`no gate runs at ${url}`, 'start it, if it should run');
}

const isOfTls = (code: string): boolean => /CERT|SELF_SIGNED|UNABLE_TO|^ERR_TLS|^ERR_SSL|^EPROTO/.test(code);

function reasonOf(error: Error): { readonly message: string; readonly code: string } {
  if (error.name === 'TimeoutError') return { message: `nothing in ${ANSWER_MS / 1000} s`, code: '' };
  const cause = asError(error.cause ?? error);
  const code = codeOf(cause);
  return { message: cause.message === '' ? code : cause.message, code };
}

const todos: Readonly<Record<string, string>> = {
  process: 'another gate takes over, or wait until it is started again',
  database: 'nothing is decided until it answers; the kill file works without it',
  policy:
    'give the gate the files that are active and send it SIGHUP; `serve --activate` would turn every gate back to its own',
  'store.behind':
    'do not restart the gate: bring back the database that has it all (docs/on-call.md, `store.behind`)',
  'store.newer':
    'restart it with the version of the gate that migrated the database; until then the newer one decides',
};

const remedyOf = (name: string, rule: string | undefined, next: NextCommand): string =>
  name === 'clock'
    ? `set the clocks right; if the database's is right: ${next('clock accept --reason "…"', 'another')} (docs/on-call.md)`
    : (todos[rule ?? ''] ?? todos[name] ?? 'look at its log');

function lookAtChecks(
  url: string,
  { checks }: z.infer<typeof readyToDecide>,
  gauges: Gauges,
  { storeRead, next }: Expected,
): Finding[] {
  const gate = findingsOf('gate');
  const inventory = findingsOf('inventory');
  const { kinds, ...own } = checks;
  const untold = notKnown(url, checks);
  const bad = Object.entries(own).flatMap(([name, { ok, detail, rule, known }]) =>
    ok || known === false
      ? []
      : gate.fail(`${url}: ${name}: ${printable(detail ?? 'not ready')}`, remedyOf(name, rule, next)),
  );
  return [
    ...(bad.length + untold.length > 0
      ? [...bad, ...untold]
      : [
          gate.ok(
            `${url} answers, and can decide where its inventory lets it: database, policy and clock are well`,
          ),
        ]),
    ...Object.entries(kinds)
      .filter(([, { ok, known }]) => known !== false && !(ok && storeRead))
      .map(([kind, { ok, detail }]) =>
        ok
          ? inventory.ok(`${printable(kind)}${ageOf(kind, gauges)}`)
          : inventory.fail(
              `${printable(kind)}: ${printable(detail ?? 'not ready')}`,
              next(`inventory load ${printable(kind)} FILE`, 'another'),
            ),
      ),
  ];
}

/** What a gate could not look at gets no remedy: to accept a time or to turn limits back, because the database is away, does harm. */
function notKnown(url: string, { kinds, ...own }: z.infer<typeof readyToDecide>['checks']): Finding[] {
  const names = [
    ...Object.entries(own).map(([name, { known }]) => ({ name, known })),
    ...Object.entries(kinds).map(([kind, { known }]) => ({ name: `inventory of ${kind}`, known })),
  ].flatMap(({ name, known }) => (known === false ? [printable(name)] : []));
  return names.length === 0
    ? []
    : [
        findingsOf('gate').unknown(
          `${url}: ${listNames(names)}: not known until the database can be read`,
          'look again then; there is nothing to do about them now',
        ),
      ];
}
