import type { Request, Response } from 'express';
import { inOrder } from '../api/order.ts';
import type { Logger } from '../kit/logger.ts';
import { beginningOf } from '../kit/text.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { write, writeJson, writeStream } from './answer.ts';
import type { Exchange, Reply } from './exchange.ts';
import { rateLimitHeaders } from './rate-limit.ts';
import { requestPath, type Problem, type Problems } from './problem.ts';
import type { Refused } from './refused.ts';

/** What writing an answer needs. */
export interface Writing {
  readonly problems: Problems;
  readonly publicUrl: string;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** The longest path of the API has less. Without a key anybody can ask for one of 16 KiB, and a line for each would fill a disk. */
const MOST_OF_PATH = 200;

/** As a line of the log has it. */
export const pathOf = ({ path }: Request): string => beginningOf(path, MOST_OF_PATH);

export const requestIdOf = (res: Response): string => String(res.getHeader('x-request-id') ?? '');

/** Writes what a handler gave back; what HTTP itself refuses is `writeRefused`'s. */
export async function writeReply(
  { problems, publicUrl }: Writing,
  exchange: Exchange,
  reply: Exclude<Reply, Refused>,
): Promise<void> {
  const { req, res } = exchange;
  switch (reply.type) {
    case 'json':
      writeJson(req, res, reply.status, reply.body, reply.headers);
      return;
    case 'refusal':
      writeProblem(req, res, problems.refusal(reply.refusal, requestIdOf(res)));
      return;
    case 'stream':
      if (req.method === 'HEAD') res.writeHead(200, reply.headers).end();
      else await writeStream(exchange, reply.headers, reply.pieces);
      return;
    case 'decision':
      writeDecision({ problems, publicUrl }, { req, res }, reply);
      return;
  }
}

function writeDecision(
  { problems, publicUrl }: Pick<Writing, 'problems' | 'publicUrl'>,
  { req, res }: Pick<Exchange, 'req' | 'res'>,
  { answer, headers }: Extract<Reply, { type: 'decision' }>,
): void {
  const { status, document, outcome, replayed } = answer;
  const replay = replayed ? { 'idempotency-replayed': 'true' } : {};
  const limits = rateLimitHeaders(answer);
  if (status >= 400) {
    const problem = problems.answer(answer);
    writeProblem(req, res, { ...problem, headers: { ...problem.headers, ...limits, ...replay } });
    return;
  }
  const location = status === 202 ? { location: `${publicUrl}${requestPath(document.id)}` } : {};
  const body = inOrder({ ...document, status, ...(outcome !== undefined && { outcome }) });
  writeJson(req, res, status, body, { ...headers, ...limits, ...location, ...replay });
}

export const writeProblem = (req: Request, res: Response, { status, headers, body }: Problem): void => {
  write(req, res, status, headers, JSON.stringify(body));
};

/** These leave no record, so they leave a line; those at a deciding call are counted. */
export function writeRefused(
  { problems, logger, metrics }: Writing,
  req: Request,
  res: Response,
  refusal: Refused,
  isDeciding = false,
  principal?: string,
): void {
  const problem = problems.refused(refusal, requestIdOf(res));
  logger.info(
    {
      request_id: requestIdOf(res),
      method: req.method,
      path: pathOf(req),
      remote: req.socket.remoteAddress,
      principal,
      status: problem.status,
      rule: refusal.rule,
    },
    refusal.detail,
  );
  if (isDeciding) metrics.unrecordedObserved('refused', refusal.rule);
  writeProblem(req, res, problem);
}
