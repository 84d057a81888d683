import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Search } from '../client/types.ts';
import { systemClock } from '../kit/clock.ts';
import { connect } from './connect.ts';
import type { GateOptions } from './gate-connection.ts';
import { withConnection } from './connection-options.ts';
import type { CommandContext } from './command-context.ts';

const EXAMPLES = `
Examples:
  $ interlock audit search --decision refused --since 2h
  $ interlock audit search --outcome unknown --all --csv > unknown.csv
  $ interlock audit search --target host-0412 --json | jq .id
  $ interlock audit show 5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55
  $ interlock audit export --out trail.ndjson && interlock audit verify --export trail.ndjson`;

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
  audit.addHelpText('after', EXAMPLES);
  addSearch(audit, { terminal, end });
  withConnection(
    audit.command('show').description('one decision, whole').argument('<id>', 'of the request'),
  ).action(async (id: string, options: Asked) => {
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
  ).action(async (id: string, options: Asked) => {
    const { runAuditTargets } = await import('./audit-targets.ts');
    end(await runAuditTargets(id, options.json === true, await connect(options, terminal), terminal));
  });
  withConnection(audit.command('export').description('the whole trail, as audit verify --export takes it'))
    .option('--out <file>', 'where to; it appears when it is whole (default: stdout)')
    .option('--force', 'take the place of a file that is there')
    .action(async (options: Asked & { readonly out?: string; readonly force?: true }) => {
      const { runAuditExport } = await import('./audit-export.ts');
      const { out } = options;
      const chosen = {
        force: options.force === true,
        json: options.json === true,
        ...(out !== undefined && { out }),
      };
      end(await runAuditExport(chosen, await connect(options, terminal), terminal, writeOut));
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
    .option('--limit <n>', 'so many, the newest (default: 50)', readCount)
    .option('--all', 'all there are')
    .option('--csv', 'as CSV, for a spreadsheet')
    .addHelpText('after', EXAMPLES)
    .action(async ({ url, keyFile, json, csv, all, limit, idempotencyKey, ...named }: SearchGiven) => {
      const { runAuditSearch } = await import('./audit-search.ts');
      const filters: Search = {
        ...named,
        ...(idempotencyKey !== undefined && { idempotency_key: idempotencyKey }),
      };
      const format = json === true ? 'ndjson' : csv === true ? 'csv' : 'table';
      const most = all === true ? undefined : (limit ?? 50);
      const calls = await connect(
        { ...(url !== undefined && { url }), ...(keyFile !== undefined && { keyFile }) },
        terminal,
      );
      end(await runAuditSearch({ filters, most, format }, calls, terminal, systemClock.wallMs()));
    });
}

function readCount(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('It is a whole number above 0.');
  return Number(text);
}

/** Waits where the reader is slower than the gate. */
const writeOut = async (bytes: Uint8Array): Promise<void> =>
  await new Promise((resolve, reject) => {
    process.stdout.write(bytes, error => (error === undefined || error === null ? resolve() : reject(error)));
  });
