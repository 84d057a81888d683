import { Argument, type Command } from 'commander';
import { completionScript, shells, type Shell } from './completion.ts';
import { exitCodesText, type CommandContext } from './command-context.ts';
import { jsonLine } from './printable.ts';

const EXAMPLES = `
Examples:
  $ source <(interlock completion bash)                 in ~/.bashrc
  $ source <(interlock completion zsh)                  in ~/.zshrc, after compinit
  $ interlock completion fish > ~/.config/fish/completions/interlock.fish${exitCodesText({ done: 'printed', wrong: 'wrong use' })}`;

/** `interlock completion SHELL`. */
export function addCompletionCommand(program: Command, { terminal }: CommandContext): void {
  program
    .command('completion')
    .description('print the script with which a shell completes commands and options')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .option('--json', 'answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell, { json }: { json?: true }) => {
      const script = completionScript(shell, program);
      terminal.say(json === true ? jsonLine({ shell, script }) : script.trimEnd());
    });
}
