import { checkConfig, type CheckedConfig } from '../check-config.ts';
import { configFileOf } from '../config/environment.ts';
import { systemClock, type Clock } from '../kit/clock.ts';
import { limitLines, showSelector } from './limit-lines.ts';
import { exceptionLines, freezeLines, profileLines, unnamedLines, warningLines } from './policy-lines.ts';
import { jsonLine, printable } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { showDuration } from './times.ts';
import { wrap, wrapBehind } from './wrap.ts';

/**
 * Says what a start would put in force, and opens nothing.
 * @throws FileError with every problem; UsageError for a bundle that cannot be loaded
 */
export async function runCheckConfig(
  options: { readonly config?: string; readonly json: boolean },
  terminal: Terminal,
  clock: Clock = systemClock,
): Promise<void> {
  const checked = await checkConfig(configFileOf(options.config), clock.wallMs());
  terminal.say(options.json ? jsonLine(checked) : linesOf(checked, terminal.width).join('\n'));
}

const showLabels = (labels: Readonly<Record<string, string>> = {}): string =>
  Object.entries(labels)
    .map(([label, value]) => `; ${label}=${value}`)
    .join('');

function showAction({
  name,
  kind,
  irreversible,
  limits,
  executor,
}: CheckedConfig['actions'][number]): string {
  const how =
    executor === undefined
      ? ''
      : `, by ${executor.url} within ${showDuration(executor.timeout_s)}, ${executor.concurrency} at once, valid for ${showDuration(executor.valid_for_s)}${executor.idempotent ? ', idempotent' : ''}${executor.bearer_file === undefined ? '' : ', with a key'}`;
  const without = limits === null ? '. NO LIMITS, so every request for it is refused' : '';
  return `${name} on ${kind ?? 'nothing'}${irreversible ? ', irreversible' : ''}${how}${without}`;
}

const showPrincipal = ({ name, roles, actions, labels }: CheckedConfig['principals'][number]): string =>
  `${name}: ${roles.join(', ')}${actions.length === 0 ? '' : ` of ${actions.join(', ')}`}${showLabels(labels)}`;

const showProtected = (entry: CheckedConfig['protected'][number]): string =>
  `${entry.kind} ${'ids' in entry ? entry.ids.join(', ') : showSelector(entry.selector)} (whether that matches anything a gate says: interlock policy show)`;

function linesOf(checked: CheckedConfig, width: number | undefined): string[] {
  const section = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', title, ...lines];
  return [
    ...wrap(`${printable(checked.config)} is right. A gate started with it would have in force:`, width),
    ...rowsOf(checked).flatMap(([what, said]) =>
      wrapBehind(`  ${what.padEnd(11)}  `, printable(said), width),
    ),
    ...section('Limits', limitLines(limitsOf(checked), width)),
    ...section('Profiles', profileLines(checked.profiles, width)),
    ...section('Warnings', warningLines(checked.gaps, width)),
    ...section('Dimensions that are declared', unnamedLines(checked.gaps, width)),
    ...section("Freezes, by this machine's clock", freezeLines(checked.freezes, width)),
    ...section(
      'Exceptions (what is used of them a gate says: interlock policy show)',
      exceptionLines(checked.exceptions, width),
    ),
  ];
}

function rowsOf(checked: CheckedConfig): (readonly [string, string])[] {
  const expires = checked.certificate_expires;
  const clients = checked.client_certificates === true ? ', clients must show one too' : '';
  const idle = checked.checks.flatMap(({ name, idle: is }) => (is ? [name] : []));
  return [
    ['listen', checked.listen],
    ...(expires === undefined ? [] : [['certificate', `until ${expires}${clients}`] as const]),
    ['store', `${checked.store} (not opened)`],
    ['policies', checked.policies],
    ['bundle', checked.bundle.digest],
    ['limits', checked.limits],
    ['kill file', checked.kill_file],
    ['revision', checked.policy_revision ?? 'none'],
    ['kinds', checked.kinds.join(', ')],
    ...checked.actions.map((action): readonly [string, string] => ['action', showAction(action)]),
    ...checked.principals.map((one): readonly [string, string] => ['principal', showPrincipal(one)]),
    ...checked.protected.map((entry): readonly [string, string] => ['protected', showProtected(entry)]),
    ...(idle.length === 0 ? [] : [['idle', `${idle.join(', ')}: no limit names it`] as const]),
  ];
}

/** As `GET /v1/policy` gives them. */
const limitsOf = ({ actions, budgets }: CheckedConfig) => ({
  actions: Object.fromEntries(
    actions.flatMap(({ name, limits }) => (limits === null ? [] : [[name, limits] as const])),
  ),
  budgets,
});
