import { createHash } from 'node:crypto';
import { checkFileName } from '../../../destinations/file-store.js';
import { msOfTimeInName, timeInName } from '../file-time.js';

/** Where the parts of a date stand in ISO 8601. */
const DATE_PART: Readonly<Record<'yyyy' | 'mm' | 'dd' | 'hh', [number, number]>> = {
  yyyy: [0, 4],
  mm: [5, 7],
  dd: [8, 10],
  hh: [11, 13],
};

/** What one report, or one file, is named by. */
export interface NameParts {
  /** When the first report of the whole input came in, ISO 8601 with ms. */
  readonly time: string;
  /** How many earlier inputs have the same time. */
  readonly rank: number;
  /** Id of the work order, 16 hex digits. */
  readonly id: string;
  /** When the report itself came in, ms since 1970: the date in folders. */
  readonly receivedMs: number;
  readonly agent: string;
  readonly type: string;
}

const PLACEHOLDERS = ['yyyy', 'mm', 'dd', 'hh', 'time', 'id', 'name', 'agent', 'type'] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];
type Piece = { readonly text: string } | { readonly placeholder: Placeholder };

/** What a file's name says of what is in it; null where the pattern does not say it. */
export interface NameSays {
  /** When the first report of the input came in, ms since 1970. */
  readonly timeMs: number | null;
  /** The span of time, in ms since 1970, in which its reports came in, by its date folders: from, and up to but without. */
  readonly from: number | null;
  readonly to: number | null;
  /** As {@link encodePart} writes them. */
  readonly agent: string | null;
  readonly type: string | null;
}

/** Which files are looked for; undefined for any. */
export interface WantedNames {
  /** Reports that came in from then on, ms since 1970. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly agent: string | undefined;
  readonly type: string | undefined;
}

/** A key pattern that nobody could write files by. */
export class InvalidKeyPatternError extends Error {
  override readonly name = 'InvalidKeyPatternError';
}

/** How the files of an archive are named: text with {placeholders}. */
export class KeyPattern {
  readonly #pieces: readonly Piece[];
  readonly #name: string;
  readonly #matcher: RegExp;

  /**
   * @param pattern such as `{yyyy}/{mm}/{dd}/reports-{time}.jsonl.zst`
   * @param name the collector's name, for {name}
   * @throws {InvalidKeyPatternError}
   */
  constructor(pattern: string, name: string) {
    this.#pieces = parse(pattern);
    this.#name = name;
    this.#matcher = new RegExp(`^${this.#pieces.map(sourceOf).join('')}$`);
  }

  /** Tells whether each report may go to a file of its own group, and not all of an input into one. */
  get splits(): boolean {
    return this.#pieces.some(
      (piece) =>
        'placeholder' in piece && ['yyyy', 'mm', 'dd', 'hh', 'agent', 'type'].includes(piece.placeholder),
    );
  }

  /** Whether names tell the agent, the type. */
  tells(placeholder: Placeholder): boolean {
    return this.#pieces.some((piece) => 'placeholder' in piece && piece.placeholder === placeholder);
  }

  /** The name of the file that a report goes to. */
  nameOf(parts: NameParts): string {
    return this.#pieces
      .map((piece) => ('text' in piece ? piece.text : this.#value(piece.placeholder, parts)))
      .join('');
  }

  #value(placeholder: Placeholder, { time, rank, id, receivedMs, agent, type }: NameParts): string {
    switch (placeholder) {
      case 'time':
        return timeInName(Date.parse(time)) + (rank === 0 ? '' : `-${String(rank + 1)}`);
      case 'id':
        return id;
      case 'name':
        return encodePart(this.#name);
      case 'agent':
        return encodePart(agent);
      case 'type':
        return encodePart(type);
      case 'yyyy':
      case 'mm':
      case 'dd':
      case 'hh':
        return new Date(receivedMs).toISOString().slice(...DATE_PART[placeholder]);
    }
  }

  /** What a name says; undefined for a file that is not named by this pattern. */
  read(name: string): NameSays | undefined {
    const found = this.#matcher.exec(name)?.groups;
    if (found === undefined) return undefined;
    const { yyyy, mm, dd, hh, time } = found;
    return {
      timeMs: time === undefined ? null : timeOf(time),
      ...spanOf(yyyy, mm, dd, hh),
      agent: found['agent'] ?? null,
      type: found['type'] ?? null,
    };
  }

  /**
   * What the names of all files begin with that can hold reports of a span of time, of an agent or a type; one or
   * several prefixes, none of which begins with another.
   */
  prefixes(given: WantedNames): readonly string[] {
    const days = daysOf(given.fromMs, given.toMs);
    const all = new Set<string>();
    for (const day of days ?? [undefined]) all.add(this.#prefixOf(day, given));
    const sorted = [...all].sort();
    return sorted.filter(
      (prefix, index) => !sorted.slice(0, index).some((other) => prefix.startsWith(other)),
    );
  }

  #prefixOf(day: string | undefined, { agent, type }: WantedNames): string {
    const known: Readonly<Record<Placeholder, string | undefined>> = {
      yyyy: day?.slice(0, 4),
      mm: day?.slice(5, 7),
      dd: day?.slice(8, 10),
      hh: undefined,
      time: undefined,
      id: undefined,
      name: encodePart(this.#name),
      agent: agent === undefined ? undefined : encodePart(agent),
      type: type === undefined ? undefined : encodePart(type),
    };
    let prefix = '';
    for (const piece of this.#pieces) {
      const next = 'text' in piece ? piece.text : known[piece.placeholder];
      if (next === undefined) break;
      prefix += next;
    }
    return prefix;
  }
}

/** Most bytes that one agent or type takes in a name. */
const MAX_PART = 100;

/**
 * Writes a word so that it can be part of a name anywhere: what is not a letter, a digit, `_`, `-` or an inner `.` is
 * percent-encoded; a long one is cut and gets a digest. Nothing becomes `_none`, which nothing else becomes.
 */
export function encodePart(word: string): string {
  if (word === '') return '_none';
  const encoded = [...Buffer.from(word)]
    .map((byte, index) => {
      const letter = String.fromCharCode(byte);
      const plain = /[A-Za-z0-9_-]/.test(letter) || (letter === '.' && index > 0);
      return plain && !(index === 0 && letter === '_')
        ? letter
        : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
    })
    .join('');
  if (encoded.length <= MAX_PART) return encoded;
  const digest = createHash('sha256').update(word).digest('hex').slice(0, 16);
  return `${encoded.slice(0, MAX_PART - digest.length - 1).replace(/%.?$/, '')}~${digest}`;
}

function parse(pattern: string): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const part of pattern.split(/(\{[^{}]*\})/)) {
    if (part === '') continue;
    if (!part.startsWith('{')) {
      if (/[{}]/.test(part)) throw new InvalidKeyPatternError('it has a brace without its other');
      pieces.push({ text: part });
      continue;
    }
    const word = part.slice(1, -1);
    const placeholder = PLACEHOLDERS.find((known) => known === word);
    if (placeholder === undefined)
      throw new InvalidKeyPatternError(
        `${part} is none of ${PLACEHOLDERS.map((known) => `{${known}}`).join(', ')}`,
      );
    pieces.push({ placeholder });
  }
  const has = (wanted: Placeholder): boolean =>
    pieces.some((piece) => 'placeholder' in piece && piece.placeholder === wanted);
  if (!has('time') && !has('id'))
    throw new InvalidKeyPatternError(
      'it needs {time} or {id}, which tell the files of one input from those of others',
    );
  if (!pattern.endsWith('.jsonl.zst')) throw new InvalidKeyPatternError('it must end in .jsonl.zst');
  try {
    checkFileName(pattern);
  } catch (error) {
    throw new InvalidKeyPatternError(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
  return pieces;
}

const WORD = '[A-Za-z0-9_.%~-]+?';
const SOURCES: Readonly<Record<Placeholder, string>> = {
  yyyy: '\\d{4}',
  mm: '\\d{2}',
  dd: '\\d{2}',
  hh: '\\d{2}',
  time: '\\d{4}-\\d{2}-\\d{2}T\\d{2}-\\d{2}-\\d{2}\\.\\d{3}Z(?:-\\d+)?',
  id: '[0-9a-f]{16}',
  name: WORD,
  agent: WORD,
  type: WORD,
};

/** A placeholder that stands twice is read the first time. */
function sourceOf(piece: Piece, index: number, pieces: readonly Piece[]): string {
  if ('text' in piece) return piece.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const { placeholder } = piece;
  const first = pieces.findIndex((other) => 'placeholder' in other && other.placeholder === placeholder);
  return first === index ? `(?<${placeholder}>${SOURCES[placeholder]})` : `\\k<${placeholder}>`;
}

/** Reads the time in a name, `2006-01-02T15-04-05.000Z`, perhaps with a number behind. */
function timeOf(text: string): number | null {
  const at = msOfTimeInName(text);
  return Number.isNaN(at) ? null : at;
}

const DAY_MS = 86_400_000;

function spanOf(
  yyyy: string | undefined,
  mm: string | undefined,
  dd: string | undefined,
  hh: string | undefined,
): { from: number | null; to: number | null } {
  if (yyyy === undefined || mm === undefined) return { from: null, to: null };
  const from = Date.parse(`${yyyy}-${mm}-${dd ?? '01'}T${dd === undefined ? '00' : (hh ?? '00')}:00:00.000Z`);
  if (Number.isNaN(from)) return { from: null, to: null };
  if (dd === undefined) {
    const start = new Date(from);
    return { from, to: Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1) };
  }
  return { from, to: from + (hh === undefined ? DAY_MS : DAY_MS / 24) };
}

/** More days than that are not asked for one by one. */
const MOST_DAYS = 400;

function daysOf(fromMs: number | undefined, toMs: number | undefined): readonly string[] | undefined {
  if (fromMs === undefined || toMs === undefined) return undefined;
  const first = Math.floor(fromMs / DAY_MS);
  const last = Math.floor(toMs / DAY_MS);
  if (last - first > MOST_DAYS) return undefined;
  const days: string[] = [];
  for (let day = first; day <= last; day += 1) days.push(new Date(day * DAY_MS).toISOString().slice(0, 10));
  return days;
}
