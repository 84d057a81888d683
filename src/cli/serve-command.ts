import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseRestored, type Restored } from '../checkpoint/restored.ts';
import {
  examplesText,
  exitCodesText,
  JSON_OPTION,
  type CommandContext,
  type JsonOption,
} from './command-context.ts';

interface Options extends JsonOption {
  readonly config?: string;
  readonly activate?: true;
  readonly restored?: Restored;
  readonly checkConfig?: true;
}

export function addServeCommand(program: Command, { terminal }: CommandContext): void {
  program
    .command('serve')
    .description('run a gate')
    .option('--config <file>', 'the configuration (default: INTERLOCK_CONFIG, or ./interlock.yaml)')
    .option(
      '--activate',
      'make this policy revision the active one, even if it was active before and was replaced',
    )
    .option(
      '--restored <checkpoint>',
      'start though the database is behind this, the newest checkpoint: it was put back on purpose; holds for one loss',
      readRestored,
    )
    .addOption(
      new Option(
        '--check-config',
        'say what would be in force, open neither the store nor the socket',
      ).conflicts(['activate', 'restored']),
    )
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examplesText(
        'interlock serve --config ./interlock.yaml 2> gate.log',
        'interlock serve --check-config --config ./interlock.yaml',
      ) +
        '\n\nSIGTERM ends it well: claimed work is finished. SIGHUP reads the configuration, the limits and the policy again.' +
        exitCodesText({
          done: 'ended by a signal, or the configuration is right',
          wrong: 'wrong use, or a file is not as it must be: each problem is listed',
          untold: 'crashed, ended before claimed work was finished, or its address is not there yet',
        }),
    )
    .action(async (options: Options) => {
      if (options.checkConfig === true) {
        const { runCheckConfig } = await import('./check-config.ts');
        const named = options.config === undefined ? {} : { config: options.config };
        await runCheckConfig({ ...named, json: options.json === true }, terminal);
        return;
      }
      const [{ runServe }, { startGate }] = await Promise.all([import('./serve.ts'), import('../app.ts')]);
      const { config, restored } = options;
      const chosen = { activate: options.activate === true, json: options.json === true };
      const named = {
        ...(config !== undefined && { config }),
        ...(restored !== undefined && { restored }),
      };
      await runServe({ ...chosen, ...named }, startGate, terminal);
    });
}

function readRestored(text: string): Restored {
  const restored = parseRestored(text);
  if (restored === undefined)
    throw new InvalidArgumentError(
      'It is the name of the newest checkpoint, eight hex digits, or unsigned: as the refusal at the start says it.',
    );
  return restored;
}
