import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRaw } from 'node:zlib';
import { Compressor, DecompressStream } from 'zstd-napi';

/** How blocks are compressed. */
export type Codec = 'null' | 'deflate' | 'zstd';

/** A codec under the name that it has in a file, and what it does. */
interface BlockCodec {
  /** As it stands in `avro.codec`. */
  readonly name: string;
  /** Compresses a block; the answer shares no memory with it. */
  readonly compress: (block: Buffer) => Promise<Buffer>;
  /**
   * Takes a block apart again.
   *
   * @throws when it is damaged, or larger than so many bytes
   */
  readonly decompress: (block: Buffer, mostBytes: number) => Promise<Buffer>;
}

const deflated = promisify<Buffer, { readonly level: number }, Buffer>(deflateRaw);
const inflated = promisify<Buffer, { readonly maxOutputLength: number }, Buffer>(inflateRaw);

/** Level of zstd: its default. */
const ZSTD_LEVEL = 3;

const CODECS: Readonly<Record<Codec, BlockCodec>> = {
  null: {
    name: 'null',
    compress: (block) => Promise.resolve(Buffer.from(block)),
    decompress: (block) => Promise.resolve(block),
  },
  deflate: {
    name: 'deflate',
    compress: (block) => deflated(block, { level: constants.Z_DEFAULT_COMPRESSION }),
    decompress: (block, mostBytes) => inflated(block, { maxOutputLength: mostBytes }),
  },
  zstd: {
    name: 'zstandard',
    compress: (block) => Promise.resolve(zstdCompressor().compress(block)),
    decompress: unpackZstd,
  },
};

/** The codec that goes by such a name in settings. */
export function codecOf(codec: Codec): BlockCodec {
  return CODECS[codec];
}

/** The codec that goes by such a name in files; undefined for one that is not known. */
export function codecNamed(name: string): BlockCodec | undefined {
  return Object.values(CODECS).find((codec) => codec.name === name);
}

let compressor: Compressor | undefined;

/** One for all files: it works on one block at a time, and does so to its end before anybody else has a turn. */
function zstdCompressor(): Compressor {
  if (compressor === undefined) {
    compressor = new Compressor();
    compressor.setParameters({ compressionLevel: ZSTD_LEVEL, checksumFlag: true });
  }
  return compressor;
}

/** As a stream, since in one go the library believes the size that the block states. */
async function unpackZstd(block: Buffer, mostBytes: number): Promise<Buffer> {
  const stream = new DecompressStream();
  stream.end(block);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('zstd answered with something that is not bytes');
    bytes += chunk.length;
    if (bytes > mostBytes) throw new RangeError(`a block has more than ${String(mostBytes)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}
