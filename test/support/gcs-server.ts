import { createHash, randomBytes } from 'node:crypto';
import { CRC32C } from '@google-cloud/storage';
import { z } from 'zod';
import {
  googleAnswer,
  startAnswering,
  type Answer,
  type AnsweringServer,
  type Asked,
} from './http-requests.js';
import { goOn, takePiece, type ResumableUpload } from './resumable-upload.js';

/** An object that the server has. */
export interface StoredObject {
  readonly content: Buffer;
  readonly contentType: string;
  readonly cacheControl: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly generation: number;
}

/**
 * A small server that speaks as much of Google Cloud Storage's JSON API as the client library uses of it here. It keeps
 * what it gets, and checks it as Google does: sizes and order of the pieces of an upload, and checksums. What it is not:
 * Google's, so it says nothing about their limits, their consistency or their speed.
 */
export interface GcsServer extends AnsweringServer {
  readonly objects: ReadonlyMap<string, StoredObject>;
  /** Uploads that were begun, and neither ended nor given up. */
  readonly sessions: ReadonlyMap<string, unknown>;
  /** What it was asked, such as `PUT upload`. */
  readonly requests: readonly string[];
  /** What is answered to who asks whether they may write. */
  mayWrite: boolean;
  /** Changes a byte of an object on the disk, so to speak. */
  damage(name: string): void;
}

interface Session extends ResumableUpload {
  readonly name: string;
  readonly contentType: string;
  readonly resource: z.infer<typeof resourceShape>;
}

const resourceShape = z.object({
  cacheControl: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
});

/** Starts one, with one bucket, on a free port. */
export async function startGcsServer(bucket: string): Promise<GcsServer> {
  const objects = new Map<string, StoredObject>();
  const sessions = new Map<string, Session>();
  const requests: string[] = [];
  const rights = { mayWrite: true };
  let generation = 1000;

  const resourceOf = (name: string, object: StoredObject): object => ({
    kind: 'storage#object',
    id: `${bucket}/${name}/${String(object.generation)}`,
    name,
    bucket,
    generation: String(object.generation),
    size: String(object.content.length),
    contentType: object.contentType,
    cacheControl: object.cacheControl,
    metadata: object.metadata,
    ...checksums(object.content),
  });

  /** An upload in one request: what the object is, and behind it the object. */
  const whole = ({ headers, body }: Asked, name: string): Answer => {
    const boundary = /boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1] ?? '';
    const parts = body
      .toString('latin1')
      .split(`--${boundary}`)
      .slice(1, 3)
      .map((part) => /^\r\nContent-Type: (?<type>[^\r]*)\r\n\r\n(?<content>.*)\r\n$/s.exec(part)?.groups);
    const { cacheControl, metadata = {} } = resourceShape.parse(JSON.parse(parts[0]?.['content'] ?? ''));
    generation += 1;
    const content = Buffer.from(parts[1]?.['content'] ?? '', 'latin1');
    const contentType = parts[1]?.['type'] ?? '';
    const object = { content, contentType, cacheControl, metadata, generation };
    objects.set(name, object);
    return { status: 200, json: resourceOf(name, object) };
  };

  const begin = (asked: Asked): Answer => {
    const name = asked.url.searchParams.get('name') ?? '';
    if (asked.url.searchParams.get('uploadType') === 'multipart') return whole(asked, name);
    const id = randomBytes(8).toString('hex');
    sessions.set(id, {
      name,
      contentType: asked.headers['x-upload-content-type']?.toString() ?? 'application/octet-stream',
      resource: resourceShape.parse(JSON.parse(asked.body.toString())),
      pieces: [],
      bytes: 0,
    });
    const location = new URL(asked.url);
    location.search = `?uploadType=resumable&upload_id=${id}`;
    return { status: 200, headers: { location: location.href } };
  };

  const receive = (asked: Asked, id: string, session: Session): Answer => {
    const outOfTurn = googleAnswer(503, 'backendError', 'the piece is not the next one');
    const taken = takePiece(asked, session, outOfTurn);
    if ('refused' in taken) return taken.refused;
    const { total } = taken;
    if (total === undefined) return goOn(session);
    if (total !== session.bytes) return googleAnswer(400, 'invalid', 'the object has another length');
    sessions.delete(id);
    const content = Buffer.concat(session.pieces);
    const hash = asked.headers['x-goog-hash']?.toString() ?? '';
    const expected = checksums(content);
    const claimed = /crc32c=([^,]+)/.exec(hash)?.[1] ?? expected.crc32c;
    if (claimed !== expected.crc32c) return googleAnswer(400, 'invalid', 'the checksum is another');
    generation += 1;
    const { cacheControl, metadata = {} } = session.resource;
    const object = { content, contentType: session.contentType, cacheControl, metadata, generation };
    objects.set(session.name, object);
    return { status: 200, json: resourceOf(session.name, object) };
  };

  const upload = (asked: Asked): Answer => {
    if (asked.method === 'POST') return begin(asked);
    const id = asked.url.searchParams.get('upload_id') ?? '';
    const session = sessions.get(id);
    if (session === undefined) return googleAnswer(404, 'notFound', 'no such upload');
    if (asked.method === 'PUT') return receive(asked, id, session);
    sessions.delete(id);
    return { status: 499 };
  };

  const list = ({ searchParams }: URL): Answer => {
    const prefix = searchParams.get('prefix') ?? '';
    const from = searchParams.get('pageToken') ?? '';
    const most = Math.min(Number(searchParams.get('maxResults') ?? 1000), 3);
    const names = [...objects.keys()]
      .filter((name) => name.startsWith(prefix) && name > from)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const items = names.slice(0, most).flatMap((name) => {
      const object = objects.get(name);
      return object === undefined ? [] : [resourceOf(name, object)];
    });
    const more = names.length > most ? { nextPageToken: names[most - 1] } : {};
    return { status: 200, json: { kind: 'storage#objects', items, ...more } };
  };

  const objectRequest = (asked: Asked, name: string): Answer => {
    const object = objects.get(name);
    if (object === undefined) return googleAnswer(404, 'notFound', `No such object: ${bucket}/${name}`);
    if (asked.method === 'DELETE') {
      objects.delete(name);
      return { status: 204 };
    }
    if (asked.url.searchParams.get('alt') !== 'media') return { status: 200, json: resourceOf(name, object) };
    const stated = DAMAGED.get(object) ?? checksums(object.content);
    return {
      status: 200,
      headers: {
        'content-type': object.contentType,
        'x-goog-hash': `crc32c=${stated.crc32c},md5=${stated.md5Hash}`,
        'x-goog-stored-content-encoding': 'identity',
      },
      body: object.content,
    };
  };

  const server = await startAnswering((asked) => {
    const { pathname } = asked.url;
    const isUpload = pathname.startsWith('/upload');
    requests.push(`${asked.method}${isUpload ? ' upload' : ''}`);
    const path = pathname.replace(/^\/upload/, '').replace(/^\/storage\/v1\/b\//, '');
    const [asks = '', kind, ...rest] = path.split('/');
    if (asks !== bucket)
      return Promise.resolve(googleAnswer(404, 'notFound', 'The specified bucket does not exist.'));
    if (isUpload) return Promise.resolve(upload(asked));
    if (kind === 'iam')
      return Promise.resolve({
        status: 200,
        json: rights.mayWrite ? { permissions: asked.url.searchParams.getAll('permissions') } : {},
      });
    if (kind !== 'o') return Promise.resolve(googleAnswer(400, 'invalid', `${pathname} is not served here`));
    return Promise.resolve(
      rest.length === 0 ? list(asked.url) : objectRequest(asked, decodeURIComponent(rest.join('/'))),
    );
  });
  return {
    ...server,
    objects,
    sessions,
    requests,
    get mayWrite() {
      return rights.mayWrite;
    },
    set mayWrite(may) {
      rights.mayWrite = may;
    },
    damage: (name) => {
      const object = objects.get(name);
      if (object === undefined) throw new Error(`there is no ${name}`);
      const content = Buffer.from(object.content);
      content.writeUInt8(content.readUInt8(0) ^ 1, 0);
      const damaged = { ...object, content };
      DAMAGED.set(damaged, checksums(object.content));
      objects.set(name, damaged);
    },
  };
}

/** Checksums that objects had before they were damaged. */
const DAMAGED = new WeakMap<StoredObject, ReturnType<typeof checksums>>();

function checksums(content: Buffer): { readonly crc32c: string; readonly md5Hash: string } {
  const crc = new CRC32C();
  crc.update(content);
  return { crc32c: crc.toString(), md5Hash: createHash('md5').update(content).digest('base64') };
}
