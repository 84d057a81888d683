import type { Command } from 'commander';
import {
  examplesText,
  exitCodesText,
  JSON_OPTION,
  type CommandContext,
  type JsonOption,
} from './command-context.ts';

export function addDemoCommand(program: Command, { end }: CommandContext): void {
  program
    .command('demo')
    .description('retell what happened in 2014, against a real gate in a temporary folder')
    .option('--keep', 'leave the folder behind')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examplesText('interlock demo', 'interlock demo --keep') +
        exitCodesText({
          done: 'all went as told',
          refused: 'a step did not',
          wrong: 'wrong use',
          untold: 'the demo could not go on',
        }),
    )
    .action(async (options: JsonOption & { keep?: true }) => {
      const { runDemo } = await import('../demo/demo.ts');
      end(await runDemo({ json: options.json === true, keep: options.keep === true }));
    });
}
