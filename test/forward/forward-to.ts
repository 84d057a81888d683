// A process that makes one attempt at the URL it is given, and prints what it came to.
import { forward } from '../../src/forward/forward.ts';
import { permitFor, realPort } from './permits.ts';

const attempted = await forward(permitFor(process.argv[2] ?? '', { timeoutMs: 10_000 }), realPort);
console.log(attempted.kind);
