import { checkConfig, type CheckedConfig } from '../check-config.ts';
import { configFileOf, UsageError } from '../config/environment.ts';
import { Fault } from '../kit/fault.ts';
import type { Terminal } from './terminal.ts';

/**
 * Says what a start would put in force, and opens nothing.
 * @throws FileError with every problem; UsageError for a bundle that cannot be loaded
 */
export async function runCheckConfig(
  options: { readonly config?: string; readonly json: boolean },
  terminal: Terminal,
): Promise<void> {
  const checked = await checkConfig(configFileOf(options.config)).catch((thrown: unknown) => {
    // A gate with such a bundle starts and answers 503; whoever asks beforehand wants to hear no.
    if (thrown instanceof Fault) throw new UsageError(thrown.detail);
    throw thrown;
  });
  terminal.say(options.json ? JSON.stringify(checked) : linesOf(checked).join('\n'));
}

const showLabels = (labels: Readonly<Record<string, string>> = {}): string =>
  Object.entries(labels)
    .map(([label, value]) => `; ${label}=${value}`)
    .join('');

function linesOf(checked: CheckedConfig): string[] {
  const expires = checked.certificate_expires;
  const clients = checked.client_certificates === true ? ', clients must show one too' : '';
  const rows: readonly (readonly [string, string])[] = [
    ['listen', checked.listen],
    ...(expires === undefined ? [] : [['certificate', `until ${expires}${clients}`] as const]),
    ['store', `${checked.store} (not opened)`],
    ['policies', `${checked.policies}, revision ${checked.bundle_revision}`],
    ['limits', checked.limits],
    ['kill file', checked.kill_file],
    ['revision', checked.policy_revision ?? 'none'],
    ['kinds', checked.kinds.join(', ')],
    ...checked.actions.map(({ name, kind, limits }): readonly [string, string] => [
      'action',
      `${name} on ${kind}: ${limits === null ? 'NO LIMITS, so every request for it is refused' : Object.keys(limits).join(', ')}`,
    ]),
    ...checked.principals.map(({ name, roles, labels }): readonly [string, string] => [
      'principal',
      `${name}: ${roles.join(', ')}${showLabels(labels)}`,
    ]),
  ];
  return [
    `${checked.config} is right. A gate started with it would have in force:`,
    ...rows.map(([what, said]) => `  ${what.padEnd(11)}  ${said}`),
  ];
}
