import type { Config } from '../../config/config.ts';
import { findingsOf, type Finding } from './finding.ts';

const DAY_MS = 24 * 3600_000;

/** Sooner than this it is told: as the alert does. */
const SOON_MS = 14 * DAY_MS;

/** How long the certificate lasts that a start, or a SIGHUP, would take; nothing without `tls`. One that is over is no configuration. */
export function checkCertificate({ tls }: Pick<Config, 'tls'>, nowMs: number): Finding[] {
  if (tls === undefined) return [];
  const { ok, warn } = findingsOf('certificate');
  const what = `the gate's certificate is good until ${new Date(tls.expiresMs).toISOString()}`;
  return [
    tls.expiresMs - nowMs > SOON_MS
      ? ok(what)
      : warn(what, 'put the new one where `tls` names it, and send SIGHUP'),
  ];
}
