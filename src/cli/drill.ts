import path from 'node:path';
import type { Client } from '../client/client.ts';
import type { Ask } from '../client/types.ts';
import { configFileOf, UsageError } from '../config/environment.ts';
import { readConfig } from '../config/read-config.ts';
import { readCases, readCorpus } from '../drill/read-case.ts';
import type { CaseRequest, DrillCase } from '../drill/case.ts';
import type { Declared } from '../drill/declared-names.ts';
import { expectingOther, refuseUnknownRules } from '../drill/known-rules.ts';
import {
  refusal,
  resultOf,
  scoreOf,
  unplayed,
  unseen,
  type CaseResult,
  type Said,
  type Score,
} from '../drill/result.ts';
import { CORPUS, DrillFailed, runScratch } from '../drill/run-scratch.ts';
import { stoppedBy, summaryOf, twinOf } from '../drill/score-card.ts';
import { Fault } from '../kit/fault.ts';
import { didYouMean, quote } from '../kit/text.ts';
import { readPolicy } from '../load-policy.ts';
import { decisionIn, reasonsOf } from './decision-exit.ts';
import { exitCode } from './exit-code.ts';
import { connectGate, type GateOptions } from './gate-connection.ts';
import { jsonLine, printable } from './printable.ts';
import { countOf, formatTable } from './table.ts';
import { ruleOf, SaidNo } from './said-no.ts';
import type { Terminal } from './terminal.ts';

export interface DrillOptions extends GateOptions {
  readonly own?: string;
  readonly scratch?: true;
  readonly config?: string;
  readonly keep?: true;
}

/**
 * Runs a drill, and prints its score card.
 * @returns 0 where every case was stopped by its rule and every twin allowed, 1 where not, 3 where one could not be told
 * @throws UsageError and FileError for wrong use
 */
export async function runDrill(
  names: readonly string[],
  options: DrillOptions,
  terminal: Terminal,
): Promise<number> {
  refuseOdd(options);
  const { own } = options;
  const isLive = own !== undefined && options.scratch !== true;
  const declared = own === undefined || isLive ? undefined : await readDeclared(configFileOf(options.config));
  const all = own === undefined ? readCorpus(path.join(CORPUS, 'cases')) : readCases(own, false, declared);
  const cases = choose(all, names);
  const refuseUnknown = (known: readonly string[]): void => {
    if (own !== undefined) refuseUnknownRules(all, known);
  };
  try {
    const results = isLive
      ? await askLive(cases, all, options, terminal)
      : await playScratch(cases, refuseUnknown, options, terminal);
    terminal.progress(undefined);
    const score = scoreOf(results);
    if (options.json === true) terminal.say(jsonLine({ ok: isOk(score), ...score, results }));
    else for (const line of cardLines(results, score, terminal)) terminal.say(line);
    return codeOf(score);
  } catch (thrown) {
    if (!(thrown instanceof DrillFailed)) throw thrown;
    for (const line of `The drill could not be held: ${thrown.message}`.split('\n'))
      terminal.complain(printable(line));
    if (options.json === true) terminal.say(jsonLine({ ok: false, error: thrown.message }));
    return exitCode.couldNotTell;
  }
}

/**
 * What the cases may name. What is wrong with a file is told before a gate is started, which would only end; a bundle that cannot be
 * loaded is for the gate to tell.
 */
async function readDeclared(configFile: string): Promise<Declared> {
  const config = readConfig(configFile, 'unread');
  await readPolicy(config).catch((thrown: unknown) => {
    if (!(thrown instanceof Fault)) throw thrown;
  });
  return {
    kinds: [...config.kinds.keys()],
    actions: [...config.actions.keys()],
    principals: config.principals.map(({ name }) => name),
  };
}

function refuseOdd({ own, scratch, config, url, keyFile, keep }: DrillOptions): void {
  if (own === undefined && scratch === true)
    throw new UsageError('--scratch is for cases of your own: name them with --own FILE');
  const isLive = own !== undefined && scratch !== true;
  if (isLive && (config !== undefined || keep === true))
    throw new UsageError('--config and --keep are for a scratch gate: say --scratch too');
  if (!isLive && (url !== undefined || keyFile !== undefined))
    throw new UsageError('--url and --key-file are for cases of your own on the live gate: --own FILE');
}

function choose(cases: readonly DrillCase[], names: readonly string[]): readonly DrillCase[] {
  const known = cases.map(({ name }) => name);
  for (const name of names)
    if (!known.includes(name))
      throw new UsageError(`no case is named ${quote(name)}${didYouMean(name, known, true)}`);
  return names.length === 0 ? cases : cases.filter(({ name }) => names.includes(name));
}

async function playScratch(
  cases: readonly DrillCase[],
  onRules: (known: readonly string[]) => void,
  { own, config, keep }: DrillOptions,
  terminal: Terminal,
): Promise<CaseResult[]> {
  // Those that ship have kinds of their own; those of a user are mostly of one kind, and would see each other.
  const sharesGate = own === undefined;
  terminal.complain(
    `A gate of its own, on an embedded store, for ${sharesGate || cases.length === 1 ? '' : 'each of '}${countOf(cases.length, 'case')}; it makes its database first.`,
  );
  return await runScratch({
    cases,
    sharesGate,
    onRules,
    configFile: own === undefined ? path.join(CORPUS, 'interlock.yaml') : configFileOf(config),
    ...(own === undefined && config !== undefined && { policies: readConfig(config, 'unread').policies }),
    keep: keep === true,
    onCase: ({ title }, index) => terminal.progress(`${index + 1}/${cases.length}  ${printable(title)}`),
    onKept: folder =>
      terminal.complain(
        `${sharesGate ? "The gate's files and its store" : 'Files and stores of the gates, by case'}: ${folder}`,
      ),
  });
}

/** Each case in pre-flight, as whoever the key is of: nothing is consumed and nothing is done. */
async function askLive(
  cases: readonly DrillCase[],
  all: readonly DrillCase[],
  options: DrillOptions,
  terminal: Terminal,
): Promise<CaseResult[]> {
  const { gate, url } = connectGate(options, terminal);
  const known = await knownRules(all, gate);
  if (known !== undefined) refuseUnknownRules(all, known);
  const results: CaseResult[] = [];
  for (const [index, drillCase] of cases.entries()) {
    terminal.progress(`${index + 1}/${cases.length}  ${printable(drillCase.title)}`);
    results.push(await askCase(drillCase, gate, url));
  }
  return results;
}

/** The rules of the gate; undefined where it cannot say them all: one that has no policy does not know those of its checks. */
async function knownRules(
  cases: readonly DrillCase[],
  gate: Pick<Client, 'rules' | 'readyToDecide'>,
): Promise<string[] | undefined> {
  const answer = await gate.rules();
  if (!answer.ok) return undefined;
  const known = Object.keys(answer.value.rules);
  if (expectingOther(cases, known).length === 0) return known;
  const { checks } = await gate.readyToDecide();
  return checks.policy.ok ? known : undefined;
}

type Preflight = Pick<Client, 'preflight'>;

async function askCase(drillCase: DrillCase, gate: Preflight, url: string): Promise<CaseResult> {
  const { trial, history } = drillCase;
  if (trial.kind !== 'trial') return unseen(drillCase, trial);
  const { request, twin } = trial;
  if (history.length > 0 || (twin?.history.length ?? 0) > 0)
    return unplayed(drillCase, 'It has a history, which no pre-flight can bring about: say --scratch.');
  if ([request, twin?.request].some(namesFleet))
    return unplayed(drillCase, 'It takes its targets `from` a fleet of its own: say --scratch.');
  if ([request, twin?.request].some(one => one?.idempotency_key !== undefined))
    return unplayed(drillCase, 'It names an idempotency key, and a pre-flight has none: say --scratch.');
  const ask = async (asked: CaseRequest): Promise<Said> => {
    const answer = await askGate(asked, gate);
    if (trial.rule !== NOT_ALLOWED) refuseWrongKey(answer, url);
    return saidOf(answer);
  };
  const said = await ask(request);
  return resultOf(drillCase, trial.rule, said, twin && (await ask(twin.request)));
}

const namesFleet = (request: CaseRequest | undefined): boolean =>
  typeof request?.targets === 'object' && request.targets !== null && 'from' in request.targets;

const NOT_ALLOWED = 'principal.not_allowed';

/** With a key that the gate does not know, or whose role may not ask, no case is held: that is wrong use, and no finding. @throws SaidNo */
function refuseWrongKey(answer: Preflown, url: string): void {
  if (!answer.ok && (answer.status === 401 || ruleOf(answer.problem) === NOT_ALLOWED))
    throw new SaidNo(answer, url);
}

type Preflown = Awaited<ReturnType<Preflight['preflight']>>;

async function askGate(asked: CaseRequest, gate: Preflight): Promise<Preflown> {
  const { as: _, ...request } = asked;
  // As it came, however odd: what is wrong with it is for the gate to say.
  return await gate.preflight({ reason: 'a drill', ...request } as unknown as Ask);
}

function saidOf(answer: Preflown): Said {
  const decided = decisionIn(answer);
  if (decided?.decision === 'allowed') return { kind: 'allowed' };
  const [first] = decided === undefined ? [] : reasonsOf(decided);
  if (decided?.decision === 'refused' && first !== undefined) return refusal(first);
  return { kind: 'untold', says: answer.ok ? 'the gate could not tell' : (answer.problem.detail ?? '') };
}

function cardLines(results: readonly CaseResult[], score: Score, { paint, width }: Terminal): string[] {
  const columns = [
    { title: 'CASE' },
    { title: 'WHAT HAPPENED', shrinks: true },
    { title: 'STOPPED BY' },
    { title: 'DONE PROPERLY' },
  ] as const;
  const rows = results.map(one => [one.name, one.title, stoppedBy(one), twinOf(one)]);
  const summary = summaryOf(score);
  return [
    ...formatTable(columns, rows, width),
    ...results.flatMap(troubleLines),
    '',
    isOk(score) ? paint.green(summary) : paint.red(summary),
  ];
}

/** Of what did not go as it must: what was said to the case, to its twin, or to both. */
function troubleLines(result: CaseResult): string[] {
  const { verdict, twin, twin_says: twinSays } = result;
  const name = printable(result.name);
  const ofCase = verdict === 'stopped' ? [] : saidLines(`${name}: ${stoppedBy(result)}.`, result.says);
  // To the twin of a case that could not be played nothing was said.
  const isTold = twin !== 'allowed' && twinSays !== undefined;
  const ofTwin = isTold ? saidLines(`${name}, done properly: ${twinOf(result)}.`, twinSays) : [];
  return [...ofCase, ...ofTwin];
}

const saidLines = (title: string, says = ''): string[] => [
  ...['', title],
  ...(says === '' ? [] : [`  ${printable(says)}`]),
];

/** Where nothing was asked nothing was shown, and that is no success. */
const isOk = ({ failed, untold, cases, unseen }: Score): boolean =>
  failed === 0 && untold === 0 && cases > unseen;

const codeOf = (score: Score): number =>
  score.failed > 0 ? exitCode.refused : isOk(score) ? exitCode.done : exitCode.couldNotTell;
