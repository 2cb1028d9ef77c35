import { unwatchFile, watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Log } from '../observability/log.js';

/** Where a certificate and its key are: PEM files. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Certificate and key cannot be read, or do not belong together. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
}

/** How often the files are looked at. Certificates are replaced days before they expire; ms. */
const LOOK_EVERY_MS = 2000;

/**
 * Reads a certificate and its key.
 *
 * @throws {TlsError} when they cannot be read, or do not belong together
 */
export async function readTlsFiles({
  certFile,
  keyFile,
}: TlsFiles): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TlsError(
      `dashboard.tls-cert-file and dashboard.tls-key-file: ${certFile} and ${keyFile} cannot be used: ${reason}`,
      { cause },
    );
  }
}

/**
 * Has a server take a new certificate when the files change; connections that stand keep the old one. When they do not
 * belong together, as between the writing of one and of the other, the old one stays.
 *
 * @returns ends the watch
 */
export function renewWhenChanged(server: Server, files: TlsFiles, log: Log | undefined): () => void {
  const renew = (): void => {
    readTlsFiles(files).then(
      (pair) => {
        server.setSecureContext(pair);
        log?.info({ file: files.certFile }, 'the certificate of the dashboard was read again');
      },
      (err: unknown) => {
        log?.warn({ err }, 'the certificate of the dashboard cannot be read again; the old one stays');
      },
    );
  };
  const paths = [files.certFile, files.keyFile];
  // By looking at them: behind symbolic links, as Kubernetes mounts secrets, nothing tells of a change.
  for (const path of paths) watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, renew);
  return () => {
    for (const path of paths) unwatchFile(path, renew);
  };
}
