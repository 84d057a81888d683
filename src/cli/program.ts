import { Command, CommanderError } from 'commander';
import { FileError } from '../config/config.ts';
import { readVersion } from '../config/version.ts';
import { asError } from '../kit/fault.ts';
import { NoAnswerError } from '../client/errors.ts';
import { addressTrouble, mayComeYet } from './address-trouble.ts';
import { addAuditCommand } from './audit-command.ts';
import { addCompletionCommand } from './completion-command.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { addDemoCommand } from './demo-command.ts';
import { addDrillCommand } from './drill-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { exitCode, exitCodeOfNo } from './exit-code.ts';
import { addEvidenceCommand } from './evidence-command.ts';
import { addInventoryCommand } from './inventory-command.ts';
import { Interrupted } from './interrupt.ts';
import { clearJunit, isOneOf, junitFilesIn } from './junit-file.ts';
import { addKeygenCommand } from './keygen-command.ts';
import { addKillCommand } from './kill-command.ts';
import { refuseTwice } from './refuse-twice.ts';
import { SaidNo } from './said-no.ts';
import { sayProblem } from './say-problem.ts';
import { addSettleCommands } from './settle-command.ts';
import { addPreflightCommand, addSubmitCommand } from './submit-command.ts';
import { addServeCommand } from './serve-command.ts';
import { printable, jsonLine } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { isForTheUser } from './for-the-user.ts';
import { asksForHelpOnly, pointToHelp, withoutPrefix } from './wrong-use.ts';

/**
 * Runs one command. Each command's code is loaded when it runs, so that small ones start quickly.
 * @param args what stands behind the program's name
 * @returns the exit code; a gate that runs answers 0 here, and the process ends when the gate does
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const json = args.includes('--json');
  let code: number = exitCode.done;
  const context: CommandContext = {
    terminal,
    end: ended => {
      code = ended;
    },
  };
  const program = createProgram(context);
  try {
    await addPolicyCommand(program, args, context);
    refuseTwice(program);
    pointToHelp(program);
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (caught) {
    const thrown = askedInBetween(caught, program, args) ?? caught;
    if (thrown !== caught) terminal.complain(`interlock: ${asError(thrown).message}`);
    if (isMistyped(thrown)) await clearMistyped(args, terminal);
    return reportEnd(thrown, json, terminal);
  }
}

/** A list of targets that holds `-h`, or a `--version` before the command, would otherwise end as if it had been asked for, and allowed. */
function askedInBetween(
  thrown: unknown,
  program: Command,
  args: readonly string[],
): CommanderError | undefined {
  if (!(thrown instanceof CommanderError)) return undefined;
  if (thrown.code === 'commander.helpDisplayed' && !asksForHelpOnly(program, args))
    return inBetween('help', '-h or --help');
  if (thrown.code === 'commander.version' && args.some(arg => arg !== '--version' && arg !== '--json'))
    return inBetween('the version', '--version');
  return undefined;
}

const inBetween = (what: string, flag: string): CommanderError =>
  new CommanderError(
    exitCode.wrongUse,
    'interlock.askedInBetween',
    `${what} was asked for beside other words, so the command was not run: leave out ${flag}, or everything else`,
  );

/** A command line that could not be read, and no help that was asked for. */
const isMistyped = (thrown: unknown): boolean => thrown instanceof CommanderError && thrown.exitCode !== 0;

/** What an earlier run has written must not speak for one that never came to ask. */
async function clearMistyped(args: readonly string[], terminal: Terminal): Promise<void> {
  const { files, rest } = junitFilesIn(args);
  for (const file of files)
    if (!(await isOneOf(file, rest)))
      await clearJunit(file).catch((thrown: unknown) =>
        terminal.complain(`interlock: ${printable(asError(thrown).message)}`),
      );
}

const PROGRAM_HELP =
  examplesText(
    'interlock kill --reason "wrong hosts are being wiped"      stops everything, at once',
    'interlock submit disk.wipe old-1 old-2 --reason "rack r99 is retired"',
    'interlock audit search --decision refused --since 2h',
    'interlock doctor',
    'interlock COMMAND --help                                   options and examples of each',
  ) +
  '\n\nThe gate and the key: INTERLOCK_URL and INTERLOCK_KEY, or --url and --key-file, or ~/.config/interlock/client.yaml.' +
  exitCodesText({ done: 'allowed or done', refused: 'refused or stopped' });

function createProgram(context: CommandContext): Command {
  const { terminal } = context;
  const program = new Command('interlock')
    .description('The gate that every destructive automation request passes through.')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .allowExcessArguments(false)
    // Behind a command's name every word is the command's: a reason that is the word `--version` printed the version, and ended with 0.
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText('after', PROGRAM_HELP)
    .configureOutput({
      writeOut: text => terminal.say(text.trimEnd()),
      writeErr: text => terminal.complain(text.trimEnd()),
    });
  addServeCommand(program, context);
  addDemoCommand(program, context);
  addDrillCommand(program, context);
  addSubmitCommand(program, context);
  addPreflightCommand(program, context);
  addKillCommand(program, context);
  addSettleCommands(program, context);
  addAuditCommand(program, context);
  addInventoryCommand(program, context);
  addEvidenceCommand(program, context);
  addDoctorCommand(program, context);
  addKeygenCommand(program, context);
  addCompletionCommand(program, context);
  return program;
}

/** Its commands have arguments of their own, so it is loaded before they are read; for the list of commands a line is enough. */
async function addPolicyCommand(
  program: Command,
  args: readonly string[],
  context: CommandContext,
): Promise<void> {
  const first = args.find(arg => arg !== '--') ?? '';
  if (!['policy', 'completion', 'help'].includes(first)) {
    program.command('policy').description('show what is in force; build and test policies');
    return;
  }
  const { policyCommand } = await import('./policy.ts');
  const policy = policyCommand(context).copyInheritedSettings(program);
  for (const command of policy.commands) command.copyInheritedSettings(policy);
  program.addCommand(policy);
}

/** Says why a command ended, and with which code: 0 for help and version, 2 for wrong use, 3 for what is our own fault, or may pass. */
function reportEnd(thrown: unknown, json: boolean, terminal: Terminal): number {
  if (thrown instanceof CommanderError) {
    // Commander has said it on stderr.
    if (thrown.exitCode === 0) return exitCode.done;
    if (json) terminal.say(jsonLine({ error: withoutPrefix(thrown.message) }));
    return exitCode.wrongUse;
  }
  const error = asError(thrown);
  if (error instanceof SaidNo) {
    sayProblem(error.problem, error.gateUrl, terminal);
    if (json) terminal.say(jsonLine(error.problem));
    return exitCodeOfNo(error);
  }
  if (error instanceof NoAnswerError) {
    terminal.complain(`interlock: no answer: ${printable(error.message)}`);
    const { idempotencyKey, neverConnected } = error.tried;
    if (idempotencyKey !== undefined)
      terminal.complain(
        neverConnected === true
          ? 'Nothing was asked: there was no connection.'
          : `It may have been decided and done all the same. Ask again with --idempotency-key ${printable(idempotencyKey)}`,
      );
    if (json) terminal.say(jsonLine({ error: error.message, tried: error.tried }));
    return exitCode.couldNotTell;
  }
  if (error instanceof Interrupted) {
    terminal.complain(`interlock: ${error.message} before the answer`);
    if (json) terminal.say(jsonLine({ error: `${error.message} before the answer` }));
    return exitCode.couldNotTell;
  }
  const isTheirs = isForTheUser(error);
  if (error instanceof FileError) {
    terminal.complain(error.message);
    if (json) terminal.say(jsonLine({ error: 'a file is not as it must be', problems: error.problems }));
  } else {
    const message = addressTrouble(error) ?? error.message;
    terminal.complain(isTheirs ? `interlock: ${message}` : `interlock crashed: ${error.stack ?? message}`);
    if (json) terminal.say(jsonLine({ error: message }));
  }
  return isTheirs && !mayComeYet(error) ? exitCode.wrongUse : exitCode.couldNotTell;
}
