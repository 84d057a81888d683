import { NoAnswerError } from '../client/create-client.ts';
import { isGithubJob, UsageError } from '../config/environment.ts';
import { quote } from '../kit/text.ts';
import { describeTargets, readAsk, type Asked, type AskOptions } from './ask-options.ts';
import { decisionIn, exitCodeOf, reasonsOf, type Decided } from './decision-exit.ts';
import { exitCode } from './exit-code.ts';
import { connectGate, type GateOptions } from './gate-connection.ts';
import { annotation } from './github-annotation.ts';
import type { PreflightFound } from './junit.ts';
import { clearJunit, isOneOf, writeJunit } from './junit-file.ts';
import { jsonLine, printable } from './printable.ts';
import { sayDecision } from './say-decision.ts';
import { sayProblem } from './say-problem.ts';
import type { Terminal } from './terminal.ts';

export interface PreflightOptions extends AskOptions, GateOptions {
  readonly junit?: string;
}

/**
 * Says what a request would get now: to a person, to a job of GitHub Actions, and as JUnit XML.
 * @returns the exit code
 * @throws UsageError, FileError and ClientMisuseError for wrong use, NoAnswerError where the gate did not answer
 */
export async function runPreflight(
  asked: Asked,
  options: PreflightOptions,
  terminal: Terminal,
): Promise<number> {
  const { junit } = options;
  // A file of an earlier run must not speak for this one, however this one ends. And before the question: a verdict that is found to have
  // no place is no verdict.
  if (junit !== undefined) {
    if (await isOneOf(junit, filesReadBy(options)))
      throw new UsageError(`--junit ${quote(junit)} is a file that is read: nothing was asked`);
    await clearJunit(junit);
  }
  const ask = readAsk(asked, options);
  const { gate, url, next } = connectGate(options, terminal);
  const what = `${ask.action}: ${describeTargets(ask.targets)}`;
  terminal.complain(printable(what));
  const report = async (verdict: Omit<PreflightFound, 'what'>): Promise<void> =>
    await reportVerdict({ what, ...verdict }, junit, options.json === true, terminal);
  try {
    const answer = await gate.preflight(ask);
    const decided = decisionIn(answer);
    const code = exitCodeOf(answer, 'decision');
    if (options.json === true) terminal.say(jsonLine(answer.ok ? answer.value : answer.problem));
    else if (decided !== undefined) sayDecision(decided, { url, next }, terminal);
    if (decided === undefined && !answer.ok) sayProblem(answer.problem, url, terminal);
    await report(verdictOf(decided, code, answer.ok ? undefined : answer.problem.detail));
    return code;
  } catch (thrown) {
    if (thrown instanceof NoAnswerError)
      await report({ refusals: [], fault: `No answer of the gate: ${thrown.message}` });
    throw thrown;
  }
}

const filesReadBy = (options: PreflightOptions): string[] =>
  [
    options.targetsFrom,
    options.paramsFile,
    options.keyFile,
    options.ca,
    options.cert,
    options.certKey,
  ].filter(file => file !== undefined);

function verdictOf(decided: Decided | undefined, code: number, detail = ''): Omit<PreflightFound, 'what'> {
  if (code === exitCode.done) return { refusals: [] };
  const reasons = decided === undefined ? [] : reasonsOf(decided);
  if (decided?.decision !== 'refused' || reasons.length === 0)
    return { refusals: [], fault: detail === '' ? 'The gate could not tell.' : detail };
  return {
    refusals: reasons.map(({ rule, message, remedy }) => ({
      rule,
      message: remedy === undefined ? message : `${message} Would pass: ${remedy}.`,
    })),
  };
}

async function reportVerdict(
  verdict: PreflightFound,
  junit: string | undefined,
  isJson: boolean,
  terminal: Terminal,
): Promise<void> {
  if (junit !== undefined) await writeJunit(junit, verdict);
  if (!isGithubJob()) return;
  const lines = [
    ...verdict.refusals.map(({ rule, message }) => annotation(`Interlock: ${rule}`, message)),
    ...(verdict.fault === undefined ? [] : [annotation('Interlock could not tell', verdict.fault)]),
  ];
  // Annotations are read on both; stdout is one line of JSON where that was asked for.
  for (const line of lines) terminal.pass(line, isJson ? 'aside' : 'answer');
}
