import type { Command } from 'commander';
import { systemClock } from '../kit/clock.ts';
import { flagged, withConnection } from './connection-options.ts';
import type { KillOptions } from './kill-engage.ts';
import type { ReleaseOptions } from './kill-engaged.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { widthOf } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ interlock kill --reason "wrong hosts are being wiped"          stops everything, at once
  $ interlock kill --action disk.wipe                              stops one action
  $ interlock kill --dimension region --value eu --except oncall-bot
  $ interlock kill status
  $ interlock kill release 5b0f6e3e --reason "the list was set right"

Without a gate that answers: touch its kill file, on each machine that runs one.${exitCodesText({
  done: 'engaged',
  refused: 'refused, nothing was engaged',
  wrong: 'wrong use, a wrong key or role too: nothing was engaged',
  untold: 'not known whether it is engaged: again, or the kill file',
})}`;

type Given<Options> = Omit<Options, 'json'> & { readonly json?: true };

/** Who is in a hurry looks at the help of `kill`, and does not know what its parts are called. */
const optionsText = ({ options }: Command): string =>
  `\nOptions of kill alone, which stops:\n${options
    .map(({ flags, description }) => `  ${flags.padEnd(22)} ${description}`)
    .join('\n')}`;

/** `interlock kill`, the emergency stop; `engage` is what it does when nothing else is said. */
export function addKillCommand(program: Command, { terminal, end }: CommandContext): void {
  const kill = program
    .command('kill')
    .description('stop everything, or a part of it: the kill switch')
    .addHelpText('after', () => `${optionsText(engage)}\n${EXAMPLES}`);
  const engage = withConnection(
    kill.command('engage', { isDefault: true }).description('stop (what kill alone does)'),
  );
  engage
    .usage('[options]')
    .argument('[what...]')
    .option('--reason <text>', 'why; may be left out')
    .option('--action <name>', 'only this action')
    .option('--dimension <name>', 'only a failure domain: with --value')
    .option('--value <value>', 'its value')
    .option('--except <name...>', 'requesters that are let through')
    .option(
      '--config <file>',
      'its gate, where nothing else says which; and whose kill file is named if none answers',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (what: string[], options: Given<KillOptions>) => {
      const { runKill } = await import('./kill-engage.ts');
      end(await runKill({ ...flagged(options), what }, terminal));
    });
  withConnection(kill.command('status').description('what is engaged, since when, by whom, why'))
    .addHelpText(
      'after',
      examplesText('interlock kill status', "interlock kill status --json | jq '.engaged | length'") +
        exitCodesText({ done: 'shown, whether something is engaged or not' }),
    )
    .action(async (options: Given<ReleaseOptions>) => {
      const { runKillStatus } = await import('./kill-engaged.ts');
      const look = { nowMs: systemClock.wallMs(), ...widthOf(terminal) };
      end(await runKillStatus(flagged(options), terminal, look));
    });
  withConnection(kill.command('release').description('release one switch'))
    .argument('<id>', 'its id, or the beginning of it')
    .option('--reason <text>', 'why; must be said')
    .addHelpText(
      'after',
      examplesText('interlock kill release 5b0f6e3e --reason "the list was set right"') +
        '\n\nWhat it stopped does not come back: whoever needs it asks again.' +
        exitCodesText({
          done: 'released',
          refused: 'it was released before',
          untold: 'not known: kill status tells',
        }),
    )
    .action(async (id: string, options: Given<ReleaseOptions>) => {
      const { runKillRelease } = await import('./kill-engaged.ts');
      end(await runKillRelease(id, flagged(options), terminal));
    });
}
