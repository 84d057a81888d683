import type { Command } from 'commander';
import { exitCodesText, type CommandContext, type JsonOption } from './command-context.ts';
import type { DoctorOptions } from './doctor.ts';

const EXAMPLES = `
Examples:
  $ interlock doctor --config /etc/interlock/interlock.yaml
  $ interlock doctor --url https://gate.example.com     what a gate says of itself, without its files
  $ interlock doctor --url https://gate.example.com --key-file ~/oncall.key     does it take the key?
  $ interlock doctor --cert oncall.crt --cert-key oncall.crt.key     of a gate with client_ca
  $ interlock doctor --json | jq '.checks[] | select(.status != "ok")'

Nothing is changed, and no executor gets a request. Run it as the user of the gate.${exitCodesText({
  done: 'all is well, or worth a look',
  refused: 'something fails',
  wrong: 'wrong use',
  untold: 'something could not be told',
})}`;

type Given = Omit<DoctorOptions, 'json'> & JsonOption;

/** `interlock doctor`: what keeps a gate from starting, or from deciding. */
export function addDoctorCommand(program: Command, { terminal, end }: CommandContext): void {
  program
    .command('doctor')
    .description('look at all that a gate needs, and say what to do')
    .option('--config <file>', 'the configuration (default: INTERLOCK_CONFIG, or ./interlock.yaml)')
    .option(
      '--url <url>',
      'the gate to ask (default: where the configuration says that it listens, never a shared address)',
    )
    .option(
      '--key-file <file>',
      'a key to try on it (default: INTERLOCK_KEY, or `key` of client.yaml); never shown',
    )
    .option('--ca <file>', 'whose certificates are believed (default: INTERLOCK_CA, or `ca` of client.yaml)')
    .option('--cert <file>', 'certificate to show (default: INTERLOCK_CERT, or `cert` of client.yaml)')
    .option('--cert-key <file>', 'its key (default: INTERLOCK_CERT_KEY, or `cert_key` of client.yaml)')
    .option('--json', 'answer as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async ({ json, ...options }: Given) => {
      const { runDoctor } = await import('./doctor.ts');
      end(await runDoctor({ ...options, json: json === true }, terminal));
    });
}
