import type { z } from 'zod';
import type { Rule } from '../kit/rules.ts';
import type { AnswerHeaders } from './answer-headers.ts';

export interface Example {
  readonly summary: string;
  readonly value: unknown;
}

/** A body, by its media type. */
export interface Content {
  /** Without one it is text. */
  readonly schema?: z.ZodType;
  /** Of each line, where the text is one JSON object a line. */
  readonly line?: z.ZodType;
  readonly examples?: Readonly<Record<string, Example>>;
  readonly description?: string;
}

/** An answer with a status below 400, or a document that is one with any status. */
export interface Done {
  readonly description: string;
  readonly content: Readonly<Record<string, Content>>;
  readonly headers?: AnswerHeaders;
}

/** A no: which rules it can be by, and the body. */
export interface No {
  readonly rules: readonly Rule[];
  readonly schema: z.ZodType;
  readonly examples?: Readonly<Record<string, Example>>;
  readonly headers?: AnswerHeaders;
}

export interface Call {
  readonly method: 'get' | 'post' | 'put' | 'patch';
  readonly path: string;
  readonly id: string;
  readonly tag:
    | 'Requests'
    | 'Kill switch'
    | 'Inventory'
    | 'Evidence'
    | 'Audit'
    | 'Policy'
    | 'Health'
    | 'Documents';
  readonly summary: string;
  /** More to know, in Markdown. */
  readonly description?: string;
  /** Who may, in words where it needs any; without roles no key is needed. */
  readonly roles?: readonly string[];
  readonly query?: Readonly<Record<string, z.ZodType>>;
  readonly headers?: Readonly<Record<string, { readonly schema: z.ZodType; readonly required: boolean }>>;
  readonly body?: { readonly required: boolean; readonly content: Readonly<Record<string, Content>> };
  readonly done: Readonly<Record<number, Done>>;
  readonly no: Readonly<Record<number, No>>;
}
