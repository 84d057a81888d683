import type { Command } from 'commander';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { withConnection } from './connection-options.ts';
import type { DrillOptions } from './drill.ts';

export function addDrillCommand(program: Command, { terminal, end }: CommandContext): void {
  const command = program
    .command('drill')
    .description(
      'ask a gate to do what others regretted, and see whether the same done properly still passes',
    )
    .argument('[cases...]', 'only these, by their names');
  withConnection(command)
    .option('--own <file>', 'cases of your own: asked in pre-flight of the live gate, by its own limits')
    .option('--scratch', 'play each on a gate of its own instead, with what was before; with --own')
    .option(
      '--config <file>',
      'the configuration of such a gate (default: ./interlock.yaml); without --own, only its bundle is taken',
    )
    .option('--keep', 'leave the folder of the scratch gates behind')
    .addHelpText(
      'after',
      examplesText(
        'interlock drill                                     the published incidents, on a scratch gate',
        'interlock drill google-diskerase-2014               one of them',
        'interlock drill --own cases.yaml                    yours, against the gate that is in force',
        'interlock drill --own cases.yaml --scratch --config interlock.yaml',
      ) +
        '\n\nOnly the rule that a case names scores, as the first reason; a twin that is refused counts as a failure.' +
        exitCodesText({
          done: 'all stopped, and every twin allowed',
          refused: 'one slipped through, was stopped by another rule, or a twin was refused',
          wrong: 'wrong use, or a file is not as it must be',
          untold: 'a case could not be told, nothing was asked, or the gate did not start',
        }),
    )
    .action(async (cases: string[], options: DrillOptions) => {
      const { runDrill } = await import('./drill.ts');
      end(await runDrill(cases, options, terminal));
    });
}
