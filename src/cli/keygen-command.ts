import type { Command } from 'commander';
import {
  examplesText,
  exitCodesText,
  JSON_OPTION,
  type CommandContext,
  type JsonOption,
} from './command-context.ts';

interface Options extends JsonOption {
  readonly role?: string[];
  readonly action?: string[];
}

export function addKeygenCommand(program: Command, { terminal }: CommandContext): void {
  program
    .command('keygen')
    .description('print a fresh key once, and the line of the configuration that knows it')
    .argument('<name>', 'the principal')
    .option('--role <roles...>', 'roles for the line')
    .option('--action <actions...>', 'actions for the line')
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      examplesText(
        'interlock keygen decom-bot --role requester --action disk.wipe',
        'interlock keygen oncall --role operator auditor',
      ) + exitCodesText({ done: 'printed; it is kept nowhere', wrong: 'wrong use' }),
    )
    .action(async (name: string, options: Options) => {
      const { runKeygen } = await import('./keygen.ts');
      const { role: roles = [], action: actions = [] } = options;
      runKeygen(name, { json: options.json === true, roles, actions }, terminal);
    });
}
