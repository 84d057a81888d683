import type { Content } from './types.ts';

/** What is sent, piece by piece as it is read; a text as it is. */
export function streamOf(content: Content): string | ReadableStream<Uint8Array> {
  if (typeof content === 'string') return content;
  return ReadableStream.from(content instanceof Uint8Array ? [content] : bytesOf(content));
}

async function* bytesOf(content: AsyncIterable<string | Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder();
  for await (const piece of content) yield typeof piece === 'string' ? encoder.encode(piece) : piece;
}
