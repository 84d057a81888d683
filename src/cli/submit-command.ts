import { InvalidArgumentError, Option, type Command } from 'commander';
import { MAX_TARGETS } from '../kit/most-targets.ts';
import { parseDurationMs } from '../kit/units.ts';
import type { AskOptions } from './ask-options.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { withConnection } from './connection-options.ts';
import type { GateOptions } from './gate-connection.ts';
import type { PreflightOptions } from './preflight.ts';
import { readCount } from './read-count.ts';

interface SubmitOptions extends AskOptions, GateOptions {
  readonly idempotencyKey?: string;
  /** Milliseconds; false for --no-wait. */
  readonly wait: number | false;
}

const DEFAULT_WAIT_MS = 60_000;

export function addSubmitCommand(program: Command, { terminal, end }: CommandContext): void {
  const command = program
    .command('submit')
    .description('ask the gate to have this done, and wait for what becomes of it');
  withAskOptions(command)
    .option('--idempotency-key <key>', 'asks for the same request again (default: a fresh random one)')
    .addOption(
      new Option('--wait <duration>', 'how long for the outcome, like 30s or 10m')
        .argParser(readWait)
        .default(DEFAULT_WAIT_MS, '60s'),
    )
    .option('--no-wait', 'end once it is decided')
    .addHelpText(
      'after',
      examplesText(
        'interlock submit disk.wipe old-1 old-2 --reason "rack r99 is retired" --ticket DC-4711',
        'interlock submit disk.wipe "web[01-20,25]" --reason "end of life" --param passes=3',
        'interlock submit disk.wipe --selector rack=r99 --selector state=decommissioning --expect 8 --reason "r99 is retired"',
        'interlock submit disk.wipe --targets-from hosts.txt --reason "see DC-4711" --wait 10m --json',
        'interlock submit dns.apply us-east-1 --reason x --assert zone=nyc1 --plan dns-us-east-1@812 --effect records=812:811',
      ) +
        exitCodesText({
          done: 'done, or with --no-wait allowed',
          refused: 'refused or stopped, nothing was done',
          untold: 'could not tell: a fault, or an outcome that is not known (yet)',
        }),
    )
    .action(async (action: string, targets: string[], options: SubmitOptions) => {
      const { runSubmit } = await import('./submit.ts');
      const { wait, ...rest } = options;
      end(await runSubmit({ action, targets }, { ...rest, waitMs: wait === false ? 'no' : wait }, terminal));
    });
}

export function addPreflightCommand(program: Command, { terminal, end }: CommandContext): void {
  const command = program
    .command('preflight')
    .description('ask what `submit` would get now; nothing is consumed and nothing is done');
  withAskOptions(command)
    .option('--junit <file>', 'write the verdict as JUnit XML too')
    .addHelpText(
      'after',
      examplesText(
        'interlock preflight config.push billing/eu billing/us --reason "release 81"',
        'interlock preflight disk.wipe "web[01-20]" --reason "what if" --junit verdict.xml',
      ) +
        '\n\nIn a job of GitHub Actions each reason is an annotation too.' +
        exitCodesText({ done: 'would be allowed', refused: 'would be refused' }),
    )
    .action(async (action: string, targets: string[], options: PreflightOptions) => {
      const { runPreflight } = await import('./preflight.ts');
      end(await runPreflight({ action, targets }, options, terminal));
    });
}

function withAskOptions(command: Command): Command {
  command
    .argument('<action>', 'what is to be done')
    .argument(
      '[targets...]',
      'ids, or ranges of them like web[01-20,25]; in quotation marks, so that no shell reads the brackets',
    )
    .requiredOption('--reason <text>', 'why')
    .option(
      '--selector <label=value>',
      'targets by label, label=value[,value…]; with --expect; repeatable',
      collect,
      [],
    )
    .option('--expect <n>', 'how many targets it must be', readCount(MAX_TARGETS))
    .option('--targets-from <file>', 'one id or range a line, # for comments; - is stdin');
  return withConnection(withCarriedOptions(command));
}

/** What a request carries beside its targets. */
const withCarriedOptions = (command: Command): Command =>
  command
    .option('--ticket <id>', 'where it is tracked')
    .option('--on-behalf-of <who>', 'who asked for it')
    .option(
      '--param <name=value>',
      'a parameter of the action: JSON if it is that, else text; repeatable',
      collect,
      [],
    )
    .option('--params-file <file>', 'parameters, one JSON object')
    .option(
      '--assert <label=value>',
      'a label that you believe all targets have; where one has another, nothing is done; repeatable',
      collect,
      [],
    )
    .option('--artifact <digest>', 'what is rolled out or executed, sha256: and hex')
    .option('--plan <name@generation>', 'the plan that is carried out, like dns-us-east-1@812')
    .option(
      '--effect <name=before:after>',
      'what your dry run says will change, like records=812:811; repeatable',
      collect,
      [],
    );

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

function readWait(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs !== undefined) return durationMs;
  throw new InvalidArgumentError(
    'It is a number with a unit: 30s, 10m, 2h. To not wait at all, say --no-wait.',
  );
}
