import type { Reason } from '../kit/refusal.ts';
import type { RuleInfo } from '../kit/rules.ts';

const steps: Readonly<Record<RuleInfo['step'], string>> = {
  intake: 'while the request was read',
  shape: 'by the shape of the request',
  targets: 'while the targets were resolved',
  decide: 'in the decision',
  forward: 'on the way to the executor',
  inventory: 'while an inventory was loaded',
  fault: 'because it could not be told',
  read: 'while something was read',
};

const style =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}' +
  'pre{overflow:auto;background:#f0f0f0;padding:.6rem}pre code{padding:0}code{background:#f0f0f0;padding:.1em .3em}a{color:#0b57a4}td{padding:.2rem 1rem .2rem 0;vertical-align:top}' +
  '@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}code,pre{background:#2b2b2b}a{color:#8ab9ee}}';

/** Text in HTML, between tags or in a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

/** Escaped, and what stands between backticks as code. */
export const prose = (text: string): string => escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');

export const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)} · Interlock</title><style>${style}</style></head><body>${body}</body></html>\n`;

/** The page of one rule: complete in itself, nothing is loaded. */
export function rulePage(name: string, info: RuleInfo, example: Reason | undefined): string {
  return page(
    info.title,
    `<h1>${escapeHtml(info.title)}</h1><p><code>${escapeHtml(name)}</code>, refused ${steps[info.step]}, with status ${info.status}.</p>` +
      `<p>${prose(info.explain)}</p>${listed('How it says so', info.says)}${listed('What would pass', info.passes)}${shown(example)}<p><a href="/problems">All rules</a></p>`,
  );
}

const listed = (title: string, sentences: readonly string[] = []): string =>
  sentences.length === 0
    ? ''
    : `<h2>${title}</h2><ul>${sentences.map(one => `<li>${prose(one)}</li>`).join('')}</ul>`;

/** As it stands in `reasons` of a decision. */
const shown = (example: Reason | undefined): string =>
  example === undefined
    ? ''
    : `<h2>A reason</h2><pre><code>${escapeHtml(JSON.stringify(example, null, 2))}</code></pre>`;

export function indexPage(all: Readonly<Record<string, RuleInfo>>): string {
  const rows = Object.entries(all)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, info]) =>
        `<tr><td><a href="/problems/${encodeURIComponent(name)}"><code>${escapeHtml(name)}</code></a></td><td>${info.status}</td><td>${escapeHtml(info.title)}</td></tr>`,
    );
  return page('Rules', `<h1>Why Interlock says no</h1><table>${rows.join('')}</table>`);
}
