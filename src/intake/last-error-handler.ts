import type { NextFunction, Request, Response } from 'express';
import { asError, Fault } from '../kit/fault.ts';
import { ClientLeft } from './body.ts';
import { notFound } from './exchange.ts';
import { refused } from './refused.ts';
import { pathOf, requestIdOf, writeProblem, type Writing } from './write-reply.ts';

/** Whatever was thrown is a no, and says no more than it must. Express knows it by its four parameters. */
export function lastErrorHandler(
  { problems, logger, metrics }: Pick<Writing, 'problems' | 'logger' | 'metrics'>,
  isDeciding: (req: Request) => boolean,
) {
  return (thrown: unknown, req: Request, res: Response, _next: NextFunction): void => {
    const requestId = requestIdOf(res);
    if (thrown instanceof ClientLeft) {
      logger.info({ request_id: requestId, path: pathOf(req) }, thrown.message);
      res.destroy();
      return;
    }
    const error = asError(thrown);
    if (error instanceof URIError) {
      writeProblem(req, res, problems.refused(notFound('The path is not well encoded.'), requestId));
      return;
    }
    logger.error({ request_id: requestId, method: req.method, path: pathOf(req), err: error }, 'a fault');
    // A part must never look like the whole.
    if (res.headersSent) {
      res.destroy();
      return;
    }
    const fault =
      error instanceof Fault
        ? refused(error.rule, error.detail, { status: 503 })
        : refused(
            'gate.failed',
            // Whatever broke may have broken after the request was decided and sent.
            'Something failed inside the gate. If this was a request, the same idempotency key tells what became of it.',
          );
    if (isDeciding(req)) metrics.unrecordedObserved('fault', fault.rule);
    writeProblem(req, res, problems.refused(fault, requestId));
  };
}
