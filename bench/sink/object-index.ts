/** An object whose content was discarded. */
export interface SunkObject {
  readonly etag: string;
  readonly bytes: number;
  /** Headers that begin with x-amz-meta-. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the sink has taken since the last reset. */
export interface SinkStats {
  /** Objects that appeared, one that replaced another included. */
  readonly objects: number;
  /** Content of those objects. */
  readonly bytes: number;
  /** Line feeds of all content; 0 unless they were asked for. */
  readonly newlines: number;
  readonly requests: number;
}

/** The conditions of a write, as its headers say. */
export interface Conditions {
  readonly ifNoneMatch: string | undefined;
  readonly ifMatch: string | undefined;
}

interface Upload {
  bytes: number;
  readonly metadata: SunkObject['metadata'];
}

/** What the sink remembers: names and sizes, no content. */
export class ObjectIndex {
  readonly #objects = new Map<string, SunkObject>();
  readonly #uploads = new Map<string, Upload>();
  #named = 0;
  #taken = { objects: 0, bytes: 0, newlines: 0, requests: 0 };

  get stats(): SinkStats {
    return { ...this.#taken };
  }

  reset(): void {
    this.#objects.clear();
    this.#uploads.clear();
    this.#taken = { objects: 0, bytes: 0, newlines: 0, requests: 0 };
  }

  countRequest(): void {
    this.#taken.requests += 1;
  }

  countNewlines(newlines: number): void {
    this.#taken.newlines += newlines;
  }

  find(path: string): SunkObject | undefined {
    return this.#objects.get(path);
  }

  /** Whether a write of this path would be refused. */
  refuses(path: string, { ifNoneMatch, ifMatch }: Conditions): boolean {
    if (ifNoneMatch === undefined && ifMatch === undefined) return false;
    const object = this.#objects.get(path);
    return ifNoneMatch === undefined ? object?.etag !== ifMatch : object !== undefined;
  }

  /** @returns the ETag */
  put(path: string, bytes: number, metadata: SunkObject['metadata']): string {
    const etag = this.newEtag();
    this.#objects.set(path, { etag, bytes, metadata });
    this.#taken.objects += 1;
    this.#taken.bytes += bytes;
    return etag;
  }

  /** @returns the id of the upload */
  begin(metadata: SunkObject['metadata']): string {
    const id = this.#newName();
    this.#uploads.set(id, { bytes: 0, metadata });
    return id;
  }

  /** @returns false when there is no such upload */
  addPart(uploadId: string, bytes: number): boolean {
    const upload = this.#uploads.get(uploadId);
    if (upload === undefined) return false;
    upload.bytes += bytes;
    return true;
  }

  /** @returns the ETag; undefined when there is no such upload */
  complete(path: string, uploadId: string): string | undefined {
    const upload = this.#uploads.get(uploadId);
    this.#uploads.delete(uploadId);
    return upload === undefined ? undefined : this.put(path, upload.bytes, upload.metadata);
  }

  abort(uploadId: string): void {
    this.#uploads.delete(uploadId);
  }

  /** One that no other content has; it is no digest, since no content is looked at. */
  newEtag(): string {
    return `"${this.#newName()}"`;
  }

  #newName(): string {
    this.#named += 1;
    return this.#named.toString(16).padStart(32, '0');
  }
}
