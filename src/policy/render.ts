import type { CheckManifest } from './manifest.ts';

/** What the formatter is set to (.oxfmtrc.json): the generated file is formatted like any other. */
const PRINT_WIDTH = 110;

/** The text of src/kit/check-rules.ts: the rules of the checks that ship, as a closed union. */
export function renderCheckRules(manifests: readonly CheckManifest[]): string {
  const rules = manifests
    .flatMap(manifest => Object.entries(manifest.rules))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([rule, { status, title, explain }]) => [
      `  ${quoted(rule)}: {`,
      `    step: 'decide',`,
      `    status: ${status},`,
      property('title', title),
      property('explain', explain),
      '  },',
    ]);
  const names = manifests.map(({ name }) => `  ${quoted(name)},`);
  return [
    '// Made by `interlock policy build` from policies/checks/*/manifest.yaml. Do not edit.',
    '',
    'export const checkRules = {',
    ...rules,
    '} as const;',
    '',
    'export type CheckRule = keyof typeof checkRules;',
    '',
    '/** The checks that ship. Another bundle may add to them and change them, and lacks none. */',
    'export const shippedChecks: readonly string[] = [',
    ...names,
    '];',
    '',
  ].join('\n');
}

/** JSON with sorted keys, as the formatter writes it: objects over several lines, lists of texts on one where they fit. */
export function renderJson(value: unknown): string {
  const text = JSON.stringify(value, sortKeys, 2);
  const joined = text.replace(
    /^(.*)\[\n\s+((?:"[^"\n]*",?\s+)+)\](,?)$/gm,
    (whole, before: string, items: string, after: string) => {
      const line = `${before}[${items.trim().replace(/,\s+/g, ', ')}]${after}`;
      return line.length <= PRINT_WIDTH ? line : whole;
    },
  );
  return `${joined}\n`;
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function property(name: string, text: string): string {
  const line = `    ${name}: ${quoted(text)},`;
  return line.length <= PRINT_WIDTH ? line : `    ${name}:\n      ${quoted(text)},`;
}

/** Single quotation marks, unless that asks for more escapes. */
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  const isDouble = text.split("'").length > text.split('"').length;
  return isDouble ? `"${escaped.replaceAll('"', '\\"')}"` : `'${escaped.replaceAll("'", "\\'")}'`;
}
