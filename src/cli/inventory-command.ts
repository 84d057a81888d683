import { Option, type Command } from 'commander';
import { MAX_LINES } from '../inventory/load-query.ts';
import { connect } from './connect.ts';
import type { GateOptions } from './gate-connection.ts';
import { flagged, withConnection } from './connection-options.ts';
import type { LoadOptions } from './inventory-load.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { readCount } from './read-count.ts';

const EXAMPLES = `
Examples:
  $ interlock inventory diff host hosts.csv                         what a load would add, remove, change
  $ interlock inventory load host hosts.csv --as-of 2026-11-28T03:00:00Z
  $ cmdb-dump | interlock inventory load host - --format ndjson --expect 12000
  $ interlock inventory load host hosts.csv --force shrink --reason "zone eu-3 was sold"   (an operator's key)
  $ interlock inventory load host moved.ndjson --patch
  $ interlock inventory summary

The lines of a file are counted, and the gate is told how many to expect. For stdin say it with --expect.${exitCodesText(
  {
    done: 'in force',
    refused: 'refused: what was in force stays',
    untold: 'not known whether it is in force: inventory summary tells',
  },
)}`;

type Given = GateOptions & Omit<LoadOptions, 'json' | 'patch'> & { readonly patch?: true };

/** `interlock inventory`: load what there is, compare, look. */
export function addInventoryCommand(program: Command, { terminal, end }: CommandContext): void {
  const inventory = program
    .command('inventory')
    .description('load all targets, compare, and show what is in force')
    .addHelpText('after', EXAMPLES);
  const format = (): Option =>
    new Option('--format <format>', 'how it is written (default: by its name)').choices(['csv', 'ndjson']);
  withConnection(inventory.command('load').description('bring a whole snapshot into force, or nothing of it'))
    .argument('<kind>', 'of the configuration')
    .argument('<file>', '.csv or .ndjson, or - for stdin')
    .addOption(format())
    .option('--expect <n>', 'lines there must be', readCount(MAX_LINES))
    .option('--as-of <time>', 'when the source was read (default: when it arrives)')
    .option('--force <limits>', 'shrink, change or shrink,change: take it over that limit (operator)')
    .option('--reason <text>', 'why it is forced')
    .option('--source <name>', 'which of several sources of the kind, where it is forced')
    .option('--patch', 'set or take out single targets, and leave the others')
    .addHelpText('after', EXAMPLES)
    .action(async (kind: string, file: string, options: Given) => {
      const { runInventoryLoad } = await import('./inventory-load.ts');
      const chosen = { ...flagged(options), patch: options.patch === true };
      end(await runInventoryLoad(kind, file, chosen, await connect(options, terminal), terminal));
    });
  withConnection(
    inventory.command('diff').description('what a snapshot would add, remove and change; loads nothing'),
  )
    .argument('<kind>', 'of the configuration')
    .argument('<file>', '.csv or .ndjson, or - for stdin')
    .addOption(format())
    .addHelpText(
      'after',
      examplesText(
        'interlock inventory diff host hosts.csv',
        'interlock inventory diff host hosts.csv --json | jq .would.removed',
      ) +
        exitCodesText({
          done: 'compared',
          refused: 'the gate would refuse it: a line of it is wrong, or another load is on its way',
        }),
    )
    .action(async (kind: string, file: string, options: Given) => {
      const { runInventoryDiff } = await import('./inventory-load.ts');
      end(await runInventoryDiff(kind, file, flagged(options), await connect(options, terminal), terminal));
    });
  withConnection(inventory.command('summary').description('what is in force of each kind, and how old it is'))
    .addHelpText(
      'after',
      examplesText(
        'interlock inventory summary',
        "interlock inventory summary --json | jq '.kinds[].age_s'",
      ) + exitCodesText({ done: 'shown' }),
    )
    .action(async (options: Given) => {
      const { runInventorySummary } = await import('./inventory-summary.ts');
      end(await runInventorySummary(options.json === true, await connect(options, terminal), terminal));
    });
}
