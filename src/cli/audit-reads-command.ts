import { Option, type Command } from 'commander';
import type { Search } from '../client/types.ts';
import { systemClock } from '../kit/clock.ts';
import { connect } from './connect.ts';
import { gateOf, type GateOptions } from './gate-connection.ts';
import { withConnection } from './connection-options.ts';
import { examplesText, exitCodesText, type CommandContext } from './command-context.ts';
import { writePrintable } from './printable.ts';
import { MOST_SHOWN, readCount } from './read-count.ts';
import { writeOut } from './watch-output.ts';

const SEARCH_EXAMPLES = [
  'interlock audit search --decision refused --since 2h',
  'interlock audit search --outcome unknown --all --csv > unknown.csv',
  'interlock audit search --target host-0412 --json | jq .id',
];
const SHOW_EXAMPLE = 'interlock audit show 5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const EXPORT_EXAMPLE =
  'interlock audit export --out trail.ndjson && interlock audit verify --export trail.ndjson';

/** What was asked for is in the answer, whatever it says; so there is no 1. */
const SHOWN = exitCodesText({
  done: 'shown',
  wrong: 'wrong use, a wrong key or role too, or there is no such request',
});

type Asked = GateOptions;

type SearchGiven = Asked &
  Omit<Search, 'idempotency_key'> & {
    readonly idempotencyKey?: string;
    readonly limit?: number;
    readonly all?: true;
    readonly csv?: true;
  };

/** The commands of `interlock audit` that ask a gate. */
export function addAuditReads(audit: Command, { terminal, end }: CommandContext): void {
  audit.addHelpText(
    'after',
    examplesText(...SEARCH_EXAMPLES, SHOW_EXAMPLE, EXPORT_EXAMPLE) +
      exitCodesText({ done: 'done', refused: 'verify: tampered with' }),
  );
  addSearch(audit, { terminal, end });
  withConnection(audit.command('show').description('one decision, whole').argument('<id>', 'of the request'))
    .addHelpText('after', examplesText(SHOW_EXAMPLE, `${SHOW_EXAMPLE} --json | jq .reasons`) + SHOWN)
    .action(async (id: string, options: Asked) => {
      const { runAuditShow } = await import('./audit-show.ts');
      end(
        await runAuditShow(
          id,
          options.json === true,
          await connect(options, terminal),
          terminal,
          systemClock.wallMs(),
        ),
      );
    });
  withConnection(
    audit
      .command('targets')
      .description('the targets that were decided on, one a line')
      .argument('<id>', 'of the request'),
  )
    .addHelpText(
      'after',
      examplesText('interlock audit targets 5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55 > hosts.txt') + SHOWN,
    )
    .action(async (id: string, options: Asked) => {
      const { runAuditTargets } = await import('./audit-targets.ts');
      end(await runAuditTargets(id, options.json === true, await connect(options, terminal), terminal));
    });
  withConnection(audit.command('export').description('the whole trail, as audit verify --export takes it'))
    .option('--out <file>', 'where to; it appears when it is whole (default: stdout)')
    .option('--force', 'take the place of a file that is there')
    .addHelpText(
      'after',
      examplesText(EXPORT_EXAMPLE, 'interlock audit export | gzip > trail.ndjson.gz') +
        exitCodesText({ done: 'all of it is there', untold: 'it broke off: no file appears' }),
    )
    .action(async (options: Asked & { readonly out?: string; readonly force?: true }) => {
      const { runAuditExport } = await import('./audit-export.ts');
      const { out } = options;
      const chosen = {
        force: options.force === true,
        json: options.json === true,
        ...(out !== undefined && { out }),
      };
      const write = terminal.isPerson ? writePrintable(writeOut) : writeOut;
      end(await runAuditExport(chosen, await connect(options, terminal), terminal, write));
    });
}

function addSearch(audit: Command, { terminal, end }: CommandContext): void {
  const choice = (flags: string, says: string, choices: readonly string[]): Option =>
    new Option(flags, says).choices(choices);
  withConnection(audit.command('search').description('what was decided, the newest first'))
    .addOption(choice('--mode <mode>', 'requests (the default) or pre-flights', ['request', 'preflight']))
    .addOption(choice('--decision <decision>', 'how it was decided', ['allowed', 'refused', 'fault']))
    .addOption(
      choice('--outcome <status>', 'what became of it', [
        'pending',
        'delivered',
        'refused',
        'unknown',
        'stopped',
      ]),
    )
    .option('--action <name>', 'of this action')
    .option('--principal <name>', 'asked by this principal')
    .option('--rule <rule>', 'refused, or ended, by this rule')
    .option('--target <id>', 'that was to touch this target')
    .option('--idempotency-key <key>', 'with this key')
    .option('--since <time>', 'decided then or later: 2h, or 2026-11-22T15:04:05Z')
    .option('--until <time>', 'decided before then')
    .option('--limit <n>', 'so many, the newest (default: 50)', readCount(MOST_SHOWN))
    .addOption(new Option('--all', 'all there are').conflicts('limit'))
    .addOption(new Option('--csv', 'as CSV, for a spreadsheet').conflicts('json'))
    .addHelpText(
      'after',
      examplesText(...SEARCH_EXAMPLES) +
        exitCodesText({
          done: 'searched, whether something was found or not',
          wrong:
            'wrong use, a wrong key or role too; or nothing found, by a name that the gate does not know',
        }),
    )
    .action(async (given: SearchGiven) => {
      const { json, csv, all, limit, idempotencyKey, ...asked } = given;
      const { runAuditSearch } = await import('./audit-search.ts');
      const filters: Search = {
        ...filtersOf(asked),
        ...(idempotencyKey !== undefined && { idempotency_key: idempotencyKey }),
      };
      const format = json === true ? 'ndjson' : csv === true ? 'csv' : 'table';
      const most = all === true ? undefined : (limit ?? 50);
      const calls = await connect(gateOf(given), terminal);
      end(await runAuditSearch({ filters, most, format }, calls, terminal, systemClock.wallMs()));
    });
}

/** All but what names the gate. */
const filtersOf = ({
  url: _url,
  keyFile: _keyFile,
  ca: _ca,
  cert: _cert,
  certKey: _certKey,
  ...filters
}: Omit<SearchGiven, 'idempotencyKey'>) => filters;
