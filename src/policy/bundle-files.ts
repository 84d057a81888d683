import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { sha256 } from '../kit/digest.ts';
import { asError } from '../kit/fault.ts';
import { readPlainFile } from '../kit/plain-file.ts';

/** A bundle as it was read: nothing is written to a disk. Paths have no leading slash. */
export interface BundleFiles {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Of an archive the SHA-256 of its bytes; of a folder that of its sorted list of paths and digests. */
  readonly digest: string;
}

/** Ours has 0.3 MB. What is larger than this is something else, or was made to fill a memory. */
const MAX_ARCHIVE_BYTES = 16 * 1024 * 1024;
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 2_000;

/** How long a server may take to send a bundle. */
const FETCH_TIMEOUT_MS = 10_000;

/** Whether a bundle comes from a server, and not from a disk. */
export const isFetched = (source: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(source);

/**
 * Reads a folder (an unpacked bundle), a .tar.gz file, or an https URL that serves one.
 * @throws Error that says what is wrong
 */
export async function readBundleFiles(source: string): Promise<BundleFiles> {
  if (isFetched(source)) return await unpackArchive(await fetchArchive(source));
  const found = await stat(source);
  if (found.isDirectory()) return await readFolder(source);
  return await unpackArchive(await readPart(source, MAX_ARCHIVE_BYTES));
}

async function readPart(file: string, maxBytes: number): Promise<Uint8Array> {
  try {
    return await readPlainFile(file, maxBytes);
  } catch (thrown) {
    throw new Error(`${file} cannot be read: ${asError(thrown).message}`, { cause: thrown });
  }
}

async function fetchArchive(source: string): Promise<Uint8Array> {
  const url = new URL(source);
  if (url.protocol !== 'https:') throw new Error(`a bundle is fetched by https only, not by ${url.protocol}`);
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok || response.body === null) throw new Error(`${url.host} answered ${response.status}`);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body) {
    length += piece.byteLength;
    if (length > MAX_ARCHIVE_BYTES) throw new Error(`${url.host} sends more than ${MAX_ARCHIVE_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Reads a .tar.gz in memory. */
export async function unpackArchive(archive: Uint8Array): Promise<BundleFiles> {
  const tar = await promisify(gunzip)(archive, { maxOutputLength: MAX_UNPACKED_BYTES });
  const entries = await unpackTar(tar, { strict: true });
  const files = new Map<string, Uint8Array>();
  for (const { header, data } of entries) {
    if (header.type === 'directory') continue;
    const name = header.name.replace(/^\.?\/+/, '');
    if (header.type !== 'file') throw new Error(`${name} in the bundle is no plain file`);
    addFile(files, name, data ?? new Uint8Array());
  }
  return { files, digest: sha256(archive) };
}

function addFile(files: Map<string, Uint8Array>, name: string, bytes: Uint8Array): void {
  if (files.has(name)) throw new Error(`${name} is in the bundle twice`);
  if (files.size >= MAX_FILES) throw new Error(`there are more than ${MAX_FILES} files: not a bundle`);
  files.set(name, bytes);
}

async function readFolder(folder: string): Promise<BundleFiles> {
  const files = new Map<string, Uint8Array>();
  let length = 0;
  // Symbolic links are followed: a mounted volume is often made of them. A loop of them ends at the limits.
  const walk = async (under: string): Promise<void> => {
    for (const name of (await readdir(path.join(folder, under))).toSorted()) {
      // What such volumes keep their links in.
      if (name.startsWith('..')) continue;
      const inner = path.posix.join(under, name);
      const found = await stat(path.join(folder, inner));
      if (found.isDirectory()) await walk(inner);
      else {
        length += found.size;
        if (length > MAX_UNPACKED_BYTES)
          throw new Error(`${folder} holds more than ${MAX_UNPACKED_BYTES} bytes`);
        addFile(files, inner, await readPart(path.join(folder, inner), MAX_UNPACKED_BYTES));
      }
    }
  };
  await walk('');
  // As `policy build` tells it from any other folder.
  if (files.has('opa-version'))
    throw new Error(
      `this folder is what a bundle is built from: name the bundle itself, ${path.join(folder, 'bundle.tar.gz')}, which \`interlock policy build\` puts there`,
    );
  const list = [...files]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, bytes]) => `${name}\n${sha256(bytes)}\n`);
  return { files, digest: sha256(list.join('')) };
}
