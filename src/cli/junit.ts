import { printable } from './printable.ts';

/** What a pre-flight found. Without refusals and fault it would be allowed. */
export interface PreflightFound {
  /** Of which request. */
  readonly what: string;
  readonly refusals: readonly { readonly rule: string; readonly message: string }[];
  /** Why there is no verdict. */
  readonly fault?: string;
}

/** It as JUnit XML: a test case for the request, and where it is refused one for each reason. */
export function junitXml({ what, refusals, fault }: PreflightFound): string {
  const cases =
    fault !== undefined
      ? [testCase('verdict', `<error message="${escape(fault)}"/>`)]
      : refusals.length > 0
        ? refusals.map(({ rule, message }) =>
            testCase(rule, `<failure type="${escape(rule)}" message="${escape(message)}"/>`),
          )
        : [testCase('verdict', '')];
  const counts = `tests="${cases.length}" failures="${fault === undefined ? refusals.length : 0}" errors="${fault === undefined ? 0 : 1}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="interlock preflight" ${counts}>`,
    `<testsuite name="${escape(what)}" ${counts}>`,
    ...cases,
    '</testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

const testCase = (name: string, result: string): string =>
  `<testcase classname="interlock.preflight" name="${escape(name)}">${result}</testcase>`;

/** XML 1.0 has no way at all to write control characters and halves of pairs: they are shown as escapes, as on a terminal. */
const escape = (text: string): string =>
  printable(text)
    .replaceAll(/[\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
