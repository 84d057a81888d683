import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { NoAnswerError } from '../client/errors.ts';
import { FileError } from '../config/config.ts';
import { readVersion } from '../config/version.ts';
import { asError } from '../kit/fault.ts';
import { addressTrouble } from './address-trouble.ts';
import { addAuditReads } from './audit-command.ts';
import { addCompletionCommand } from './completion-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { exitCode } from './exit-code.ts';
import { addInventoryCommand } from './inventory-command.ts';
import { addKillCommand } from './kill-command.ts';
import { printable } from './printable.ts';
import { codeOf, SaidNo } from './said-no.ts';
import { sayProblem } from './say-problem.ts';
import type { Terminal } from './terminal.ts';
import { isTold } from './told.ts';

interface JsonOption {
  readonly json?: true;
}

const JSON_OPTION = ['--json', 'answer as JSON'] as const;

/**
 * Runs one command. Each command's code is loaded when it runs, so that small ones start quickly.
 * @param args what stands behind the program's name
 * @returns the exit code; a gate that runs answers 0 here, and the process ends when the gate does
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  const json = args.includes('--json');
  let code: number = exitCode.done;
  const end = (ended: number): void => {
    code = ended;
  };
  const program = createProgram(terminal, end);
  try {
    await addPolicyCommand(program, args, terminal, end);
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (thrown) {
    return reportEnd(thrown, json, terminal);
  }
}

function createProgram(terminal: Terminal, end: (code: number) => void): Command {
  const program = new Command('interlock')
    .description('The gate that every destructive automation request passes through.')
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print what there is')
    .helpCommand(false)
    .allowExcessArguments(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: text => terminal.say(text.trimEnd()),
      writeErr: text => terminal.complain(text.trimEnd()),
    });
  program
    .command('serve')
    .description('run a gate')
    .option('--config <file>', 'the configuration (default: INTERLOCK_CONFIG, or ./interlock.yaml)')
    .option(
      '--activate',
      'make this policy revision the active one, though it was active before and replaced',
    )
    .option(
      '--restored <entry>',
      'start though the database is behind its newest checkpoint, and ends with this entry: it was put back on purpose',
      readEntry,
    )
    .option(...JSON_OPTION)
    .action(async (options: JsonOption & { config?: string; activate?: true; restored?: number }) => {
      const [{ runServe }, { startGate }] = await Promise.all([import('./serve.ts'), import('../app.ts')]);
      const { config, restored: restoredTo } = options;
      const chosen = { activate: options.activate === true, json: options.json === true };
      const named = {
        ...(config !== undefined && { config }),
        ...(restoredTo !== undefined && { restoredTo }),
      };
      await runServe({ ...chosen, ...named }, startGate, terminal);
    });
  program
    .command('demo')
    .description('retell what happened in 2014, against a real gate in a temporary folder')
    .option('--keep', 'leave the folder behind')
    .option(...JSON_OPTION)
    .action(async (options: JsonOption & { keep?: true }) => {
      const { runDemo } = await import('../demo/demo.ts');
      end(await runDemo({ json: options.json === true, keep: options.keep === true }));
    });
  program
    .command('keygen')
    .description('print a fresh key once, and the line of the configuration that knows it')
    .argument('<name>', 'the principal')
    .option('--role <roles...>', 'roles for the line')
    .option('--action <actions...>', 'actions for the line')
    .option(...JSON_OPTION)
    .action(async (name: string, options: JsonOption & { role?: string[]; action?: string[] }) => {
      const { runKeygen } = await import('./keygen.ts');
      const { role: roles = [], action: actions = [] } = options;
      runKeygen(name, { json: options.json === true, roles, actions }, terminal);
    });
  addKillCommand(program, terminal, end);
  addAuditCommand(program, terminal, end);
  addInventoryCommand(program, terminal, end);
  addDoctorCommand(program, terminal, end);
  addCompletionCommand(program, terminal);
  return program;
}

/** The number of an entry. With it the option holds for one restored database, also where it is left in a service's file. */
function readEntry(text: string): number {
  const entry = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(entry))
    throw new InvalidArgumentError(
      'It is the number of the last entry of the database, as the refusal says it.',
    );
  return entry;
}

interface VerifyOptions extends JsonOption {
  readonly config?: string;
  readonly export?: string;
  readonly checkpoints?: string;
  readonly key?: readonly string[];
  readonly anchored?: true;
}

function addAuditCommand(program: Command, terminal: Terminal, end: (code: number) => void): void {
  const audit = program.command('audit').description('search, read, export and verify the audit trail');
  addAuditReads(audit, terminal, end);
  audit
    .command('verify')
    .description(
      'check that no entry was altered, removed, inserted or reordered: of a store, or of an export',
    )
    .option('--config <file>', 'whose store (default: INTERLOCK_CONFIG, or ./interlock.yaml)')
    .option('--export <file>', 'what GET /v1/audit gave as application/x-ndjson')
    .option('--checkpoints <file>', 'signed heads (default: those of the configuration)')
    .option('--key <file...>', 'public key of who signed (default: FILE.pub beside the checkpoints)')
    .option('--anchored', 'exit 3 where no signed checkpoint vouches for it: what a timer should ask for')
    .option(...JSON_OPTION)
    .action(async ({ json, key, anchored, ...files }: VerifyOptions) => {
      const { runAuditVerify } = await import('./audit-verify.ts');
      const said = {
        keys: key ?? [],
        anchored: anchored === true,
        json: json === true,
        progress: process.stderr.isTTY === true,
      };
      end(await runAuditVerify({ ...files, ...said }, terminal));
    });
}

/** Its commands have arguments of their own, so it is loaded before they are read; for the list of commands a line is enough. */
async function addPolicyCommand(
  program: Command,
  args: readonly string[],
  terminal: Terminal,
  end: (code: number) => void,
): Promise<void> {
  if (args[0] !== 'policy' && args[0] !== 'completion') {
    program.command('policy').description('show what is in force; build and test policies');
    return;
  }
  const { policyCommand } = await import('./policy.ts');
  const policy = policyCommand(terminal, end).copyInheritedSettings(program);
  for (const command of policy.commands) command.copyInheritedSettings(policy);
  program.addCommand(policy);
}

/** Says why a command ended, and with which code: 0 for help and version, 2 for wrong use, 3 for what is our own fault. */
function reportEnd(thrown: unknown, json: boolean, terminal: Terminal): number {
  if (thrown instanceof CommanderError) {
    // Commander has said it on stderr.
    if (thrown.exitCode === 0) return exitCode.done;
    if (json) terminal.say(JSON.stringify({ error: thrown.message }));
    return exitCode.wrongUse;
  }
  const error = asError(thrown);
  if (error instanceof SaidNo) {
    sayProblem(error, terminal);
    if (json) terminal.say(JSON.stringify(error.problem));
    return codeOf(error.problem);
  }
  if (error instanceof NoAnswerError) {
    terminal.complain(`interlock: no answer: ${printable(error.message)}`);
    if (json) terminal.say(JSON.stringify({ error: error.message }));
    return exitCode.couldNotTell;
  }
  const told = isTold(error);
  if (error instanceof FileError) {
    terminal.complain(error.message);
    if (json)
      terminal.say(JSON.stringify({ error: 'a file is not as it must be', problems: error.problems }));
  } else {
    const message = addressTrouble(error) ?? error.message;
    terminal.complain(told ? `interlock: ${message}` : `interlock crashed: ${error.stack ?? message}`);
    if (json) terminal.say(JSON.stringify({ error: message }));
  }
  return told ? exitCode.wrongUse : exitCode.couldNotTell;
}
