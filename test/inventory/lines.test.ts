import { describe, expect, it } from 'vitest';
import { DescribedKind } from '../../src/inventory/describe-kind.ts';
import type { Line, Lines } from '../../src/inventory/line.ts';
import { LoadRefused } from '../../src/inventory/load-refusal.ts';
import type { LoadMethod } from '../../src/inventory/load-query.ts';
import { readCsv } from '../../src/inventory/read-csv.ts';
import { readNdjson } from '../../src/inventory/read-ndjson.ts';
import { host, hostLine, hostLines, ndjson, streamOf } from './loading.ts';

const kind = new DescribedKind(host);

async function all(lines: AsyncIterable<Lines>): Promise<Line[]> {
  const read: Line[] = [];
  for await (const some of lines) read.push(...some);
  return read;
}

/** The line that a text is refused with, and what is wrong with it. */
async function refusal(lines: AsyncIterable<Lines>): Promise<{ line: number | undefined; message: string }> {
  const thrown: unknown = await all(lines).then(
    read => new Error(`${read.length} lines were taken`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof LoadRefused)) throw thrown;
  const [{ rule, message }] = thrown.refusal.reasons;
  if (rule !== 'inventory.malformed') throw thrown;
  return { line: thrown.refusal.line, message };
}

const json = (text: string | Uint8Array, method: LoadMethod = 'put', piece?: number) =>
  readNdjson(streamOf(text, piece), kind, method);
const good = JSON.stringify(hostLine('h-0001'));
const line = (fields: object): string => JSON.stringify({ ...hostLine('h-0002'), ...fields });
const labels = (more: object): object => ({ labels: { ...hostLine('h').labels, ...more } });

describe('NDJSON', () => {
  it('of nothing, or of blank lines only, is no line', async () => {
    for (const text of ['', '\n', '\r\n\n']) expect(await all(json(text))).toEqual([]);
  });

  it.each([
    ['a blank line between others', `\n${line({})}`, 2, 'blank'],
    ['white space', `   `, 2, 'empty'],
    ['a byte order mark', `\uFEFF${line({})}`, 2, 'byte order mark'],
    ['a list', '[]', 2, 'not a JSON object'],
    ['no id', '{"labels":{}}', 2, '`id` is missing'],
    ['an id that is no text', line({ id: null }), 2, '`id` is not a string'],
    ['a blank id', line({ id: ' ' }), 2, 'the id " "'],
    ['a word for all', line({ id: 'Everywhere' }), 2, 'the id "Everywhere"'],
    ['an id that begins with a hyphen', line({ id: '-x' }), 2, 'the id "-x"'],
    ['a look-alike in an id', line({ id: 'h\u043Est-1' }), 2, 'the id "h\\u043est-1"'],
    ['no labels', '{"id":"h-0002"}', 2, '`labels` is missing'],
    ['labels that are a list', line({ labels: [] }), 2, '`labels` is not an object'],
    [
      'a required label missing, told with what is there',
      line({ labels: { region: 'eu', Rack: 'r' } }),
      2,
      'the label "rack" is missing (there is "Rack")',
    ],
    ['a value that is no text', line(labels({ rack: 7 })), 2, 'the label "rack" is not a string'],
    ['a word for all as a value', line(labels({ rack: 'ANY' })), 2, 'the value "ANY" of "rack"'],
    [
      'a word for all as a value of an undeclared label',
      line(labels({ x: 'all' })),
      2,
      'the value "all" of "x"',
    ],
    ['a label with a colon', line(labels({ 'a:b': 'x' })), 2, '"a:b" cannot be the name of a label'],
    ['a label with an equals sign', line(labels({ 'a=b': 'x' })), 2, '"a=b" cannot be the name of a label'],
    ['a key of a prototype', '{"id":"h-0002","labels":{"constructor":"x"}}', 2, 'forbidden'],
    ['another field', line({ weights: {} }), 2, '"weights" cannot stand in a line'],
    ['a removal in a snapshot', '{"id":"h-0002","removed":true}', 2, '"removed" cannot stand in a line'],
  ])('with %s is refused, with the line', async (_title, text, number, said) => {
    const { line: at, message } = await refusal(json(`${good}\n${text}\n${good}`));
    expect({ at, message }).toEqual({ at: number, message: expect.stringContaining(said) });
  });

  it.each([
    ['a removal that is not true', '{"id":"h-0002","removed":1}', '`removed` can only be true'],
    [
      'a removal with labels',
      '{"id":"h-0002","removed":true,"labels":{}}',
      '"labels" cannot stand beside `removed`',
    ],
  ])('of a PATCH with %s is refused', async (_title, text, said) => {
    expect(await refusal(json(`${good}\n${text}`, 'patch'))).toEqual({
      line: 2,
      message: expect.stringContaining(said),
    });
  });

  it('that is not UTF-8 is refused with its line', async () => {
    const bytes = Buffer.concat([Buffer.from(`${good}\n{"id":"`), Buffer.from([0xff]), Buffer.from('"}\n')]);
    expect(await refusal(json(bytes))).toMatchObject({ line: 2 });
  });

  it('takes a line of 64 KiB, and refuses a longer one before it is there whole', async () => {
    const padded = (bytes: number): string => `${good.slice(0, -1)}${' '.repeat(bytes - good.length)}}`;
    expect(await all(json(`${padded(65_536)}\r\n`))).toHaveLength(1);
    expect(await refusal(json(`${good}\n${padded(65_537)}\n`))).toMatchObject({ line: 2 });
    async function* endless(): AsyncGenerator<Uint8Array, void> {
      for (;;) {
        await Promise.resolve();
        yield Buffer.alloc(10_000, 0x20);
      }
    }
    expect(await refusal(readNdjson(endless(), kind, 'put'))).toMatchObject({ line: 1 });
  });

  it('is the same lines however it is cut, with LF or CRLF, with a last end or without', async () => {
    const lines = [hostLine('h-1', { note: 'x' }), hostLine('h-2'), hostLine('h-3')];
    const read = lines.map((one, index) => ({ ...one, number: index + 1, weights: {} }));
    for (const end of ['\n', '\r\n']) {
      for (const last of ['', end]) {
        const text = lines.map(one => JSON.stringify(one)).join(end) + last;
        for (const piece of [1, 2, 50, undefined]) expect(await all(json(text, 'put', piece))).toEqual(read);
      }
    }
  });

  it('hands on groups, so that a piece of any size never becomes one', async () => {
    const sizes: number[] = [];
    for await (const some of json(ndjson(hostLines(1200)))) sizes.push(some.length);
    expect(sizes).toEqual([500, 500, 200]);
  });

  it('of a PATCH takes targets out', async () => {
    expect(await all(json('{"id":"h-1","removed":true}', 'patch'))).toEqual([
      { number: 1, id: 'h-1', labels: null, weights: {} },
    ]);
  });
});

const csv = (text: string, piece?: number) => readCsv(streamOf(text, piece), kind);
const header = 'id,region,rack,state,owner';

describe('CSV', () => {
  it('of nothing, or of a header only, is no line', async () => {
    for (const text of ['', '\n', header, `${header}\r\n`]) expect(await all(csv(text))).toEqual([]);
  });

  it.each([
    ['a column twice', `${header},rack\n`, 1, 'twice'],
    ['no id', 'region,rack,state,owner\n', 1, 'the header lacks id'],
    ['required columns missing', 'id,region,rack\n', 1, 'the header lacks state and owner'],
    ['a column without a name', `${header},\n`, 1, '"" cannot be'],
    ['a column for weights', `${header},weight:traffic\n`, 1, '"traffic" is no weight that host declares'],
    ['a column of a prototype', `${header},constructor\n`, 1, '"constructor" cannot be'],
    ['too few values', `${header}\nh-1,eu,r1,serving\n`, 2, '4 values for 5 columns'],
    ['a blank line between others', `${header}\n\nh-1,eu,r1,serving,a\n`, 2, 'blank'],
    [
      'an empty required value',
      `${header}\nh-1,eu,r1,serving,a\nh-2,eu,,serving,a\n`,
      3,
      '"rack" is missing',
    ],
    ['a blank id', `${header}\n,eu,r1,serving,a\n`, 2, 'the id ""'],
    ['a word for all', `${header}\nall,eu,r1,serving,a\n`, 2, 'the id "all"'],
    ['a value with a line break', `${header}\nh-1,"e\nu",r1,serving,a\n`, 2, 'the value "e\\u000au"'],
    ['a quote inside a value', `${header}\nh-1,e"u,r1,serving,a\n`, 2, 'quotation mark'],
    ['a quote that is not closed', `${header}\nh-1,"eu,r1,serving,a\n`, 2, 'not closed'],
    ['a line that does not end', `${header}\nh-1,${'e'.repeat(70_000)}`, 2, 'more than 65536 bytes'],
  ])('with %s is refused, with the line', async (_title, text, number, said) => {
    const { message } = await refusal(csv(text));
    expect(message).toContain(said);
    expect((await refusal(csv(text, 11))).line).toBe(number);
  });

  it('is the same lines however it is cut; an empty value is a label that is not there', async () => {
    const text = `\uFEFF${header},note\r\nh-1,eu,r1,serving,a,\r\n"h-2","us",r2,off,b,x\r\n\r\n`;
    for (const piece of [1, 3, undefined]) {
      expect(await all(csv(text, piece))).toEqual([
        {
          number: 2,
          id: 'h-1',
          labels: { region: 'eu', rack: 'r1', state: 'serving', owner: 'a' },
          weights: {},
        },
        {
          number: 3,
          id: 'h-2',
          labels: { region: 'us', rack: 'r2', state: 'off', owner: 'b', note: 'x' },
          weights: {},
        },
      ]);
    }
  });
});
