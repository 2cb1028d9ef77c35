import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** A report that a collector would have in a segment. */
export interface TestReport {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly agent: string;
  readonly type: string;
  readonly line: string;
}

/** Writes a sealed segment into a spool. */
export async function writeSegment(
  spool: string,
  sequence: number,
  reports: readonly TestReport[],
): Promise<string> {
  const parts: Buffer[] = [Buffer.from('LCSPOOL1')];
  for (const { id, at, agent, type, line } of reports) {
    const header = Buffer.from(JSON.stringify({ id, at: Date.parse(at), agent, type }));
    const length = Buffer.alloc(2);
    length.writeUInt16LE(header.length);
    const payload = Buffer.concat([length, header, Buffer.from(line)]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32LE(payload.length, 0);
    frame.writeUInt32LE(crc32(payload), 4);
    parts.push(frame, payload);
  }
  const time = (reports[0]?.at ?? new Date().toISOString()).replaceAll(':', '-');
  const name = `${String(sequence).padStart(16, '0')}-${time}.sealed`;
  await writeFile(join(spool, name), Buffer.concat(parts));
  return name;
}

/** Reports of some agents, one a second. */
export function someReports(
  count: number,
  from = '2026-05-01T12:00:00.000Z',
  first = 0,
): readonly TestReport[] {
  return Array.from({ length: count }, (_, index) => {
    const n = first + index;
    return {
      id: `id-${String(n).padStart(8, '0')}`,
      at: new Date(Date.parse(from) + index * 1000).toISOString(),
      agent: `agent-${String(n % 3)}`,
      type: n % 2 === 0 ? 'metrics' : 'events',
      line: JSON.stringify({ n, host: { name: `host-${String(n % 3)}` }, text: 'x'.repeat(n % 50) }),
    };
  });
}
