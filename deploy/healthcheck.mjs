// Whether the gate of this container is alive: 0 or 1. It asks INTERLOCK_HEALTH, or, without it, port 7070 of this container by
// HTTP and by TLS, whichever it speaks. What an orchestrator does about a 1 is to end the gate, so a certificate that is not
// trusted here, or one that the gate wants of its clients, is no 1: who asks for it is alive.
import http from 'node:http';
import https from 'node:https';

const named = process.env.INTERLOCK_HEALTH ?? '';
const urls = named === '' ? ['https://127.0.0.1:7070/livez', 'http://127.0.0.1:7070/livez'] : [named];
const ANSWER_MS = 4_000;

/** An alert that asks for a certificate comes from a TLS server that does its work. */
const wantsCertificate = ({ code = '' }) => /ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)/.test(code);

const isAlive = url =>
  new Promise(resolve => {
    const { get } = new URL(url).protocol === 'https:' ? https : http;
    // Nothing is sent that a stranger on this port could use.
    const asked = get(url, { rejectUnauthorized: false, timeout: ANSWER_MS }, answer => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', error => resolve(wantsCertificate(error)));
  });

const answers = await Promise.all(urls.map(isAlive));
process.exit(answers.includes(true) ? 0 : 1);
