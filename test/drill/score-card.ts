/** Writes the score card of the drill into the README. `npm run score-card` */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { holdDrill } from './held-drill.ts';
import { markdownCard } from './markdown-card.ts';

const readme = fileURLToPath(new URL('../../README.md', import.meta.url));
const BEGIN = '<!-- score card: npm run score-card -->';
const END = '<!-- end of the score card -->';

const text = readFileSync(readme, 'utf8');
const [before, rest = ''] = text.split(BEGIN);
const [, after] = rest.split(END);
if (after === undefined) throw new Error(`the README has no ${BEGIN} with an ${END} after it`);
const { results } = await holdDrill();
writeFileSync(readme, `${before}${BEGIN}\n\n${markdownCard(results)}\n\n${END}${after}`);
console.log('the score card in the README is made');
