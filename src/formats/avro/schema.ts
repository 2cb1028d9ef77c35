import avsc from 'avsc';
import { AVRO_LONG } from './long.js';

/** A type without parts, as Avro names it. */
export type Primitive = 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** A primitive type with a meaning, such as `timestamp-micros` on a long, or `decimal` on bytes. */
export interface LogicalType {
  readonly type: Primitive;
  readonly logicalType: string;
  /** Digits of a decimal in all. */
  readonly precision?: number;
  /** Digits of a decimal behind the point. */
  readonly scale?: number;
}

/** Bytes of one length, such as a UUID's. */
export interface FixedType {
  readonly type: 'fixed';
  readonly name: string;
  readonly size: number;
  readonly logicalType?: string;
}

/** One of some words. */
export interface EnumType {
  readonly type: 'enum';
  readonly name: string;
  readonly symbols: readonly string[];
}

/** A type that is not a union. */
export type PlainType = Primitive | LogicalType | FixedType | EnumType;

/** A field's type; a union with null is what a column is that may be NULL. */
export type FieldType = PlainType | readonly ['null', PlainType];

/** A column. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly doc?: string;
}

/**
 * Schema of a row.
 * https://avro.apache.org/docs/1.11.1/specification/#schema-record
 */
export interface RecordSchema {
  readonly type: 'record';
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields: readonly Field[];
}

/**
 * A field's value: null for an absent one, a number for int, float and double, a bigint for long (a whole number in the
 * range in which numbers are exact may be given too), a Buffer for bytes and fixed, text for string and enum.
 */
export type AvroValue = null | boolean | number | bigint | string | Buffer;

/** Values in the order of the schema's fields. */
export type Row = readonly AvroValue[];

/**
 * The type of a schema, with longs that are exact.
 *
 * @throws {TypeError} for what is no schema of a record
 */
export function recordTypeOf(schema: unknown): avsc.types.RecordType {
  if (!isObject(schema)) throw new TypeError('a schema is an object');
  const type = avsc.Type.forSchema(schema, { typeHook: exactLong });
  if (type instanceof avsc.types.RecordType) return type;
  throw new TypeError('the schema is not that of a record');
}

/** Whether it is a schema the library finds out, and says. */
function isObject(schema: unknown): schema is Parameters<typeof avsc.Type.forSchema>[0] {
  return typeof schema === 'object' && schema !== null;
}

/** Puts the type that is exact in the place of the library's own, with a meaning or without. */
function exactLong(schema: unknown): avsc.Type | undefined {
  const type = typeof schema === 'object' && schema !== null && 'type' in schema ? schema.type : schema;
  return type === 'long' ? AVRO_LONG : undefined;
}
