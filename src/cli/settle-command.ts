import type { Command } from 'commander';
import { connect } from './connect.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { withConnection } from './connection-options.ts';
import type { GateOptions } from './gate-connection.ts';

interface SettleGiven extends GateOptions {
  readonly delivered?: true;
  readonly refused?: true;
  readonly reason?: string;
}

type ReasonGiven = GateOptions & Pick<SettleGiven, 'reason'>;

const reasonOf = ({ reason }: Pick<SettleGiven, 'reason'>) => (reason === undefined ? {} : { reason });

/** The commands for what was decided and is still open: `settle`, `cancel`; and `clock`. */
export function addSettleCommands(program: Command, context: CommandContext): void {
  addSettle(program, context);
  addCancel(program, context);
  addClock(program, context);
}

function addSettle(program: Command, { terminal, end }: CommandContext): void {
  withConnection(
    program
      .command('settle')
      .description('say what became of a request whose outcome nobody knows')
      .argument('<id>', 'of the request, or the beginning of it'),
  )
    .option('--delivered', 'the tool did it')
    .option('--refused', 'the tool did nothing: its targets are given back')
    .option('--reason <text>', 'how that is known; must be said')
    .addHelpText(
      'after',
      examplesText(
        'interlock audit search --outcome unknown                    which there are',
        'interlock settle 5b0f6e3e --delivered --reason "seen on the hosts"',
        'interlock settle 5b0f6e3e --refused --reason "the tool never got it, by its log"',
      ) +
        '\n\nIf you cannot tell, leave it: its targets stay taken, and nobody touches them. An operator settles, or the executor\nof the action; while an attempt is on the wire only the executor.' +
        exitCodesText({
          done: 'it stands as you said',
          refused: 'it does not: it was stopped, delivered before, or is on the wire',
          untold: 'not known whether it is settled',
        }),
    )
    .action(async (id: string, options: SettleGiven) => {
      const { runSettle } = await import('./settle.ts');
      const said = {
        delivered: options.delivered === true,
        refused: options.refused === true,
        json: options.json === true,
        ...reasonOf(options),
      };
      end(await runSettle(id, said, await connect(options, terminal), terminal));
    });
}

function addCancel(program: Command, { terminal, end }: CommandContext): void {
  withConnection(
    program
      .command('cancel')
      .description('take a request of your own back, as long as no attempt was made')
      .argument('<id>', 'of the request, or the beginning of it'),
  )
    .addHelpText(
      'after',
      examplesText('interlock audit search --outcome pending', 'interlock cancel 5b0f6e3e') +
        '\n\nWhat was sent to its executor cannot be taken back here. To stop more than one: interlock kill.' +
        exitCodesText({
          done: 'cancelled, nothing was sent',
          refused: 'too late, or it has ended',
          untold: 'not known',
        }),
    )
    .action(async (id: string, options: GateOptions) => {
      const { runCancel } = await import('./settle.ts');
      end(await runCancel(id, options.json === true, await connect(options, terminal), terminal));
    });
}

const CLOCK_HELP =
  examplesText('interlock clock accept --reason "the database was moved to a host with the right time"') +
  "\n\nFirst set the clocks right (NTP): then the gate goes on by itself. Accept only if the DATABASE's time is right and stays\nwhere it is: `select now()` tells. A wrong time opens windows early, or keeps them shut." +
  exitCodesText({ done: 'accepted', refused: 'there is no jump to accept', untold: 'not known' });

function addClock(program: Command, { terminal, end }: CommandContext): void {
  const clock = program
    .command('clock')
    .description("accept the database's time after a jump")
    .addHelpText('after', CLOCK_HELP);
  withConnection(clock.command('accept').description("take the database's time as the right one (operator)"))
    .option('--reason <text>', 'why it is right; must be said')
    .addHelpText('after', CLOCK_HELP)
    .action(async (options: ReasonGiven) => {
      const { runAcceptClock } = await import('./accept-clock.ts');
      const said = { json: options.json === true, ...reasonOf(options) };
      end(await runAcceptClock(said, await connect(options, terminal), terminal));
    });
}
