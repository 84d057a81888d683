import type { z } from 'zod';
import type { Call, Content } from '../api/call.ts';
import { calls } from '../api/calls.ts';
import { apiDocument } from '../api/document.ts';
import { rules } from '../kit/rules.ts';
import { escapeHtml, page, prose } from './rule-page.ts';

/**
 * Every call on one page: what it takes, an example, and what it answers. Our own and not Swagger UI: that is 1.5 MB of
 * script, which the policy of this page (`default-src 'none'`) does not let run, to show what stands here in one screen.
 */
export function docsPage(): string {
  const index = calls.map(
    call =>
      `<tr><td><a href="#${call.id}"><code>${title(call)}</code></a></td><td>${prose(call.summary)}</td></tr>`,
  );
  return page(
    'Calls',
    `<h1>The calls of Interlock</h1>` +
      `<p>The same as <a href="/openapi.json">OpenAPI</a>; why it says no: <a href="/problems">all rules</a>. The key goes into <code>Authorization: Bearer KEY</code>.</p>` +
      `<table>${index.join('')}</table>${calls.map(callSection).join('')}${schemasSection()}`,
  );
}

const title = ({ method, path }: Call): string => escapeHtml(`${method.toUpperCase()} ${path}`);

function callSection(call: Call): string {
  const { description, roles } = call;
  return (
    `<section id="${call.id}"><h2><code>${title(call)}</code></h2><p>${prose(call.summary)}${description === undefined ? '' : ` ${prose(description)}`}</p>` +
    `<p>${roles === undefined ? 'No key is needed.' : `Who may: ${escapeHtml(roles.join('; '))}.`}</p>` +
    parametersTable(call) +
    examplesOf(call) +
    answersTable(call) +
    `</section>`
  );
}

function parametersTable({ query = {}, headers = {} }: Call): string {
  const rows = [
    ...Object.entries(headers).map(([name, one]) => ({ name, ...one, where: 'header' })),
    ...Object.entries(query).map(([name, schema]) => ({ name, schema, required: false, where: 'query' })),
  ].map(
    ({ name, schema, required, where }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${where}${required ? ', required' : ''}</td><td>${prose(wordsOf(schema))}</td></tr>`,
  );
  return rows.length === 0 ? '' : `<h3>Parameters</h3><table>${rows.join('')}</table>`;
}

/** What a parameter may be: its values where they are few, and what is said of it. */
function wordsOf(schema: z.ZodType): string {
  const { enum: values, minimum, maximum, description } = schema.toJSONSchema();
  const range = minimum !== undefined && maximum !== undefined && maximum < 10_000;
  return [
    values === undefined ? undefined : values.map(value => `\`${String(value)}\``).join(', '),
    range ? `${minimum} to ${maximum}` : undefined,
    description,
  ]
    .filter(one => one !== undefined)
    .join('. ');
}

function examplesOf({ body }: Call): string {
  if (body === undefined) return '';
  return `<h3>Body${body.required ? '' : ', may be left out'}</h3>${Object.entries(body.content).map(shownAs).join('')}`;
}

const shownAs = ([type, { examples = {} }]: readonly [string, Pick<Content, 'examples'>]): string =>
  Object.values(examples)
    .map(
      ({ summary, value }) =>
        `<p>${escapeHtml(summary)}, as <code>${escapeHtml(type)}</code>:</p><pre>${escapeHtml(typeof value === 'string' ? value : JSON.stringify(value, null, 2))}</pre>`,
    )
    .join('');

function answersTable({ done, no }: Call): string {
  const dones = Object.entries(done).map(
    ([status, { description, content }]) =>
      `<tr><td>${status}</td><td>${prose(description)} <small>${escapeHtml(Object.keys(content).join(', '))}</small></td></tr>`,
  );
  const nos = Object.entries(no).map(
    ([status, one]) =>
      `<tr><td>${status}</td><td>${one.rules.map(rule => `<a href="/problems/${rule}" title="${escapeHtml(rules[rule].title)}"><code>${rule}</code></a>`).join(' ')}</td></tr>`,
  );
  const shown = [
    ...Object.values(done).flatMap(({ content }) => Object.entries(content).map(shownAs)),
    ...Object.values(no).map(one => shownAs(['application/problem+json', one])),
  ];
  return `<h3>Answers</h3><table>${[...dones, ...nos].join('')}</table>${shown.join('')}`;
}

/** What bodies look like, whole, as JSON Schema. */
function schemasSection(): string {
  const { components } = apiDocument();
  const shown = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details id="schema-${escapeHtml(name)}"><summary><code>${escapeHtml(name)}</code></summary><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></details>`,
  );
  return `<h2>Bodies, as JSON Schema</h2>${shown.join('')}`;
}
