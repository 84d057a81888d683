import type { Command } from 'commander';
import { addAuditReads } from './audit-reads-command.ts';
import {
  examplesText,
  exitCodesText,
  JSON_OPTION,
  type CommandContext,
  type JsonOption,
} from './command-context.ts';

interface VerifyOptions extends JsonOption {
  readonly config?: string;
  readonly export?: string;
  readonly checkpoints?: string;
  readonly key?: readonly string[];
  readonly anchored?: true;
}

export function addAuditCommand(program: Command, { terminal, end }: CommandContext): void {
  const audit = program.command('audit').description('search, read, export and verify the audit trail');
  addAuditReads(audit, { terminal, end });
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
    .addHelpText(
      'after',
      examplesText(
        'interlock audit verify --config ./interlock.yaml --anchored',
        'interlock audit verify --export trail.ndjson --checkpoints checkpoints.ndjson --key gate.pub',
      ) +
        exitCodesText({
          done: 'whole',
          refused: 'tampered with',
          wrong: 'wrong use',
          untold: 'could not tell, or with --anchored no checkpoint vouches for it',
        }),
    )
    .action(async ({ json, key, anchored, ...files }: VerifyOptions) => {
      const { runAuditVerify } = await import('./audit-verify.ts');
      const said = { keys: key ?? [], anchored: anchored === true, json: json === true };
      end(await runAuditVerify({ ...files, ...said }, terminal));
    });
}
