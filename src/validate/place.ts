import { pointerSegment } from '../kit/text.ts';

/**
 * Where a value stands in the whole one. Places are a tree and no pointers: a key may be long, and each of ten thousand values below it would
 * have it written out.
 */
export class Place {
  readonly parent: Place | undefined;
  readonly #segment: string;
  #wanted: Map<string, Place> | undefined;

  constructor(parent?: Place, segment = '') {
    this.parent = parent;
    this.#segment = segment;
  }

  /** From now on it is found from the root. */
  want(): void {
    const { parent } = this;
    if (parent === undefined || parent.wanted(this.#segment) !== undefined) return;
    parent.#wanted ??= new Map();
    parent.#wanted.set(this.#segment, this);
    parent.want();
  }

  /** The place of a member or an item, where it or one below it is wanted. */
  wanted(segment: string): Place | undefined {
    return this.#wanted?.get(segment);
  }

  /** As a JSON Pointer; the root's is empty. */
  pointer(): string {
    return this.parent === undefined ? '' : this.parent.pointer() + pointerSegment(this.#segment);
  }
}
