/** By which certificates a gate is called; each in PEM form, as a TLS connection takes them. */
export interface ClientTls {
  /** Whom to believe, instead of the authorities that Node brings along. */
  readonly ca?: string;
  /** Shown to a gate with `client_ca`; together with `key`. */
  readonly cert?: string;
  readonly key?: string;
}
