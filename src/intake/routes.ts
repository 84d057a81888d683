import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { freshId } from '../kit/ids.ts';
import type { Logger } from '../kit/logger.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { controlHandlers } from './control.ts';
import { evidenceHandlers } from './evidence.ts';
import type { Exchange, Handle, Reply } from './exchange.ts';
import { isRequestId, repeatedHeader } from './headers.ts';
import { nothingAt } from './find-the-stop.ts';
import type { Identity } from './identity.ts';
import { LargeBodies } from './large-bodies.ts';
import { lastErrorHandler } from './last-error-handler.ts';
import { loadHandlers } from './loads.ts';
import { openHandlers, type OpenHandle } from './open-pages.ts';
import type { Patience } from './patience.ts';
import type { Ports } from './ports.ts';
import { createProblems } from './problem.ts';
import { readHandlers } from './reads.ts';
import { refused, Refused } from './refused.ts';
import { requestHandlers } from './requests.ts';
import { settlementHandlers } from './settlements.ts';
import { writeRefused, writeReply, type Writing } from './write-reply.ts';

export interface Intake {
  readonly ports: Ports;
  readonly identity: Identity;
  readonly patience: Patience;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly monotonicMs: () => number;
  /** Goes before a path where a client is told where to look; empty where it reaches the gate as it listens. */
  readonly publicUrl: string;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH';
type Methods<Handler> = Readonly<Partial<Record<Method, Handler>>>;

/** Every call there is. What is not here is a 404; a method that is not here, a 405. */
function calls({
  ports,
  logger,
  metrics,
  monotonicMs,
}: Pick<Intake, 'ports' | 'logger' | 'metrics' | 'monotonicMs'>): Readonly<Record<string, Methods<Handle>>> {
  const requests = requestHandlers({ ...ports, logger, monotonicMs });
  const settlements = settlementHandlers({ ...ports, logger });
  const reads = readHandlers(ports.reads);
  const control = controlHandlers({ ...ports, logger, monotonicMs });
  const evidence = evidenceHandlers({ ...ports, logger });
  const loads = loadHandlers({ ...ports, logger, metrics });
  return {
    '/v1/requests': { POST: requests.submit, GET: reads.search },
    '/v1/preflight': { POST: requests.preflight },
    '/v1/requests/:id': { GET: reads.one },
    '/v1/requests/:id/targets': { GET: reads.targets },
    '/v1/requests/:id/outcome': { POST: settlements.report },
    '/v1/requests/:id/cancel': { POST: settlements.cancel },
    '/v1/evidence': { POST: evidence.post, GET: evidence.list },
    '/v1/clock/accept': { POST: control.acceptClock },
    '/v1/kill-switch': { GET: control.switches, POST: control.engage },
    '/v1/kill-switch/:id/release': { POST: control.release },
    '/v1/inventory': { GET: control.inventory },
    '/v1/inventory/:kind': { PUT: loads.put, PATCH: loads.patch },
    '/v1/budgets': { GET: control.budgets },
    '/v1/audit': { GET: reads.trail },
    '/v1/policy': { GET: control.policy },
  };
}

/** The call whose refusals and faults are counted as decisions, though they leave no record. No pre-flight is counted, recorded or not. */
const isDeciding = ({ path, method }: Request): boolean => path === '/v1/requests' && method === 'POST';

/** The one call that no header but the key may stand in the way of. */
const stopping = '/v1/kill-switch';

export function createRoutes(intake: Intake): Express {
  const { ports, metrics } = intake;
  const app = express();
  app.disable('x-powered-by').disable('etag').disable('query parser');
  app.enable('case sensitive routing').enable('strict routing');
  const context = {
    ...intake,
    problems: createProblems(() => ports.policy.rules(), intake.publicUrl),
    largeBodies: new LargeBodies(intake.patience.bodyMs),
  };

  app.use(begin);
  const every = calls(intake);
  for (const [path, methods] of Object.entries(every)) app.all(path, known(context, path, methods));
  // A slash too many must not stand in the way of stopping; of nothing else is it forgiven.
  app.all(`${stopping}/`, known(context, stopping, every[stopping]));
  app.all('/v1/{*rest}', known(context, '/v1', undefined));
  const open = openHandlers({ ...ports, metrics, publicUrl: intake.publicUrl });
  const pages: Readonly<Record<string, OpenHandle>> = {
    '/livez': open.live,
    '/readyz': open.ready,
    '/readyz/decide': open.readyToDecide,
    '/metrics': open.metrics,
    '/openapi.json': open.api,
    '/docs': open.docs,
    '/problems': open.rules,
    '/problems/:rule': open.rule,
  };
  for (const [path, handle] of Object.entries(pages)) app.all(path, openly(context, handle));
  app.use((req: Request, res: Response) => {
    writeRefused(context, req, res, nothingAt(req.path));
  });
  app.use(lastErrorHandler(context, isDeciding));
  return app;
}

/** The id that the request came with stands on its lines and its answer, so that whoever asked finds both by it. */
function begin(req: Request, res: Response, next: NextFunction): void {
  const given = req.headers['x-request-id'];
  res.setHeader('x-request-id', typeof given === 'string' && isRequestId(given) ? given : freshId());
  res.setHeader('x-content-type-options', 'nosniff');
  res.setHeader('cache-control', 'no-store');
  next();
}

/** A call with a key. First who asks, then whether the head can be read in one way only, then the method. */
function known(
  context: Intake & Writing & Pick<Exchange, 'largeBodies'>,
  path: string,
  methods: Methods<Handle> | undefined,
) {
  return async (req: Request, res: Response): Promise<void> => {
    const principal = await context.identity.identify({
      authorization: req.headers.authorization,
      rawHeaders: req.rawHeaders,
      remoteAddress: req.socket.remoteAddress,
    });
    if (principal instanceof Refused) {
      writeRefused(context, req, res, principal, isDeciding(req));
      return;
    }
    const [, query = ''] = /\?(.*)$/s.exec(req.originalUrl) ?? [];
    const isStillKnown = (): boolean => context.identity.isStill(principal, req.headers.authorization);
    const { patience, largeBodies } = context;
    const exchange: Exchange = { req, res, principal, isStillKnown, patience, largeBodies, query };
    const reply = refuseHead(req, path) ?? (await handled(methods, exchange));
    if (reply instanceof Refused) writeRefused(context, req, res, reply, isDeciding(req), principal.name);
    else await writeReply(context, exchange, reply);
  };
}

function refuseHead(req: Request, path: string): Refused | undefined {
  if (path === stopping && req.method === 'POST') return undefined;
  const repeated = repeatedHeader(req.rawHeaders);
  if (repeated !== undefined) return refused('request.malformed', `The header ${repeated} was sent twice.`);
  const { expect } = req.headers;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    return refused(
      'request.malformed',
      'Of what `Expect` can ask for there is 100-continue, and nothing else.',
      {
        status: 417,
      },
    );
  // Node unpacks chunks and nothing else: what was packed besides would be read as if it were not.
  const coding = req.headers['transfer-encoding'];
  return coding === undefined || coding.toLowerCase() === 'chunked'
    ? undefined
    : refused('request.malformed', 'The body may come in chunks, and in no other Transfer-Encoding.');
}

async function handled(methods: Methods<Handle> | undefined, exchange: Exchange): Promise<Reply> {
  if (methods === undefined) return nothingAt(exchange.req.path);
  const handle = handlerFor(exchange.req.method, methods);
  return handle === undefined ? methodNotAllowed(Object.keys(methods)) : await handle(exchange);
}

function handlerFor<Handler>(method: string, methods: Methods<Handler>): Handler | undefined {
  const name = method === 'HEAD' ? 'GET' : method;
  switch (name) {
    case 'GET':
    case 'POST':
    case 'PUT':
    case 'PATCH':
      return methods[name];
    default:
      return undefined;
  }
}

function methodNotAllowed(methods: readonly string[]): Refused {
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
  return refused('request.method_not_allowed', `This call takes ${allow}.`, { headers: { allow } });
}

function openly(context: Writing, handle: OpenHandle) {
  return async (req: Request, res: Response): Promise<void> => {
    const isGet = req.method === 'GET' || req.method === 'HEAD';
    const wrong = isGet ? await handle(req, res) : methodNotAllowed(['GET']);
    if (wrong !== undefined) writeRefused(context, req, res, wrong);
  };
}
