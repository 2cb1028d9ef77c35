import { S3Error } from './errors.js';

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

const NAMES = new Map([
  ['&', 'amp'],
  ['<', 'lt'],
  ['>', 'gt'],
  ['"', 'quot'],
  ["'", 'apos'],
]);
const NAMED = new Map([...NAMES].map(([character, name]) => [name, character]));

/** What stands in an element: text, or elements in their order; an array is the same element several times. */
export interface XmlContent {
  readonly [name: string]: XmlValue | undefined;
}
type XmlValue = string | number | boolean | XmlContent | readonly (string | XmlContent)[];

/** A document of S3's namespace. Elements without a value are left out. */
export function xmlDocument(name: string, content: XmlContent): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="${NAMESPACE}">${elements(content)}</${name}>`;
}

/** The document of an error, which has no namespace. */
export function xmlError(content: XmlContent): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${elements(content)}</Error>`;
}

function elements(content: XmlContent): string {
  return Object.entries(content)
    .flatMap(([name, value]) => valuesOf(value).map((one) => element(name, one)))
    .join('');
}

function valuesOf(value: XmlValue | undefined): readonly (string | XmlContent)[] {
  if (value === undefined) return [];
  if (typeof value === 'object') return isMany(value) ? value : [value];
  return [String(value)];
}

function isMany(
  value: XmlContent | readonly (string | XmlContent)[],
): value is readonly (string | XmlContent)[] {
  return Array.isArray(value);
}

function element(name: string, value: string | XmlContent): string {
  return `<${name}>${typeof value === 'string' ? escapeXml(value) : elements(value)}</${name}>`;
}

/** Text for an element. Control characters become references, as S3 writes them, though XML 1.0 knows few of these. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\u0000-\u001f\u007f\ufffe\uffff]/g, (one) => {
    const reference = NAMES.get(one) ?? `#x${one.charCodeAt(0).toString(16).toUpperCase()}`;
    return `&${reference};`;
  });
}

/**
 * The contents of all elements of a name, for the few flat documents that clients send.
 *
 * @throws S3Error MalformedXML for what no S3 client sends: comments, CDATA and document types
 */
export function xmlElements(document: string, name: string): readonly string[] {
  if (document.includes('<!')) throw new S3Error('MalformedXML', 'Only plain elements are understood here.');
  const pattern = new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}\\s*>`, 'g');
  return [...document.matchAll(pattern)].map(([, inner = '']) => inner);
}

/** The text of the first element of a name; undefined when there is none. */
export function xmlText(document: string, name: string): string | undefined {
  const [inner] = xmlElements(document, name);
  return inner === undefined ? undefined : unescapeXml(inner);
}

function unescapeXml(text: string): string {
  return text.replace(/&([^;]*);/g, (_, reference: string) => {
    const named = NAMED.get(reference);
    if (named !== undefined) return named;
    const code = codePointOf(reference);
    if (code === undefined) throw new S3Error('MalformedXML', `&${reference}; is no character.`);
    return String.fromCodePoint(code);
  });
}

function codePointOf(reference: string): number | undefined {
  const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(reference) ?? [];
  const code = hex === undefined ? Number(decimal ?? NaN) : parseInt(hex, 16);
  const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? code : undefined;
}
