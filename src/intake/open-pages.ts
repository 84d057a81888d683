import type { Request, Response } from 'express';
import { apiDocument } from '../api/document.ts';
import { reasonExamples } from '../kit/reason-examples.ts';
import type { Reason } from '../kit/refusal.ts';
import { rules, type RuleInfo } from '../kit/rules.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { write, writeJson } from './answer.ts';
import { notFound } from './exchange.ts';
import type { GaugesPort, PolicyPort, Readiness, ReadyPort } from './ports.ts';
import { refused, type Refused } from './refused.ts';
import { docsPage } from './docs-page.ts';
import { indexPage, rulePage } from './rule-page.ts';

/** Writes its answer, or says what is wrong. */
export type OpenHandle = (req: Request, res: Response) => Promise<Refused | undefined>;

/** What needs no key: nothing here says anything of a request, a target or a principal. */
export function openHandlers(ports: {
  readonly policy: Pick<PolicyPort, 'rules'>;
  readonly ready: ReadyPort;
  readonly gauges: GaugesPort;
  readonly metrics: Metrics;
  readonly publicUrl: string;
}): Record<'live' | 'ready' | 'readyToDecide' | 'metrics' | 'rules' | 'rule' | 'api' | 'docs', OpenHandle> {
  const { policy, ready, gauges, metrics, publicUrl } = ports;
  const document = madeOnce(() =>
    JSON.stringify({ ...apiDocument(), ...(publicUrl !== '' && { servers: [{ url: publicUrl }] }) }),
  );
  const calls = madeOnce(docsPage);
  // Those of the loaded bundle know how they speak. No check may claim a rule of the gate's own.
  const allRules = (): Readonly<Record<string, RuleInfo>> => ({ ...rules, ...policy.rules() });

  const readiness =
    (choose: (readiness: Readiness) => object): OpenHandle =>
    async (req, res) => {
      const checks = choose(await ready.ready());
      const isReady = everyCheck(checks);
      writeJson(req, res, isReady ? 200 : 503, { ready: isReady, checks });
      return undefined;
    };

  return {
    live: async (req, res) => {
      writeJson(req, res, 200, { live: true });
      return undefined;
    },
    ready: readiness(({ process, database }) => ({ process, database })),
    readyToDecide: readiness(({ record, ...checks }) => ({ ...checks, database: record })),
    metrics: async (req, res) => {
      await gauges.read();
      write(req, res, 200, { 'content-type': metrics.contentType }, await metrics.text());
      return undefined;
    },
    api: async (req, res) => {
      write(req, res, 200, json, document());
      return undefined;
    },
    docs: async (req, res) => await writePage(req, res, calls(), document()),
    rules: async (req, res) =>
      await writePage(req, res, indexPage(allRules()), JSON.stringify({ rules: allRules() })),
    rule: async (req, res) => {
      const name = req.params['rule'];
      const all = allRules();
      const info = typeof name === 'string' && Object.hasOwn(all, name) ? all[name] : undefined;
      if (typeof name !== 'string' || info === undefined) return notFound('There is no such rule.');
      const example = exampleOf(name, info);
      const body = { rule: name, ...info, ...(example !== undefined && { example }) };
      return await writePage(req, res, rulePage(name, info, example), JSON.stringify(body));
    },
  };
}

const json = { 'content-type': 'application/json; charset=utf-8' };

/**
 * What never changes while the gate runs, and costs a tenth of a second to make: who asks for it needs no key. As bytes, of which all answers
 * that nobody has read yet hold the same.
 */
function madeOnce(make: () => string): () => Buffer {
  let made: Buffer | undefined;
  return () => (made ??= Buffer.from(make()));
}

/** Another bundle's check may say the same rule otherwise than the one that ships, of which the examples are. */
function exampleOf(name: string, { title, explain }: RuleInfo): Reason | undefined {
  const own = Object.entries(rules).find(([rule]) => rule === name)?.[1];
  return own?.title === title && own.explain === explain && Object.hasOwn(reasonExamples, name)
    ? reasonExamples[name]
    : undefined;
}

async function writePage(
  req: Request,
  res: Response,
  html: string | Buffer,
  body: string | Buffer,
): Promise<Refused | undefined> {
  const best = req.accepts(['text/html', 'application/json']);
  if (best === false)
    return refused('request.not_acceptable', 'This can be had as text/html or application/json.');
  res.setHeader('vary', 'Accept');
  if (best === 'application/json') write(req, res, 200, json, body);
  else {
    const headers = {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    };
    write(req, res, 200, headers, html);
  }
  return undefined;
}

/** Whether every check in it is ok, kinds included. An object without any is none. */
function everyCheck(checks: object): boolean {
  const values: unknown[] = Object.values(checks);
  const isOk = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && ('ok' in value ? value.ok === true : everyCheck(value));
  return values.length > 0 && values.every(isOk);
}
