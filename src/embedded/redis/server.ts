import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { NOT_INSTALLED } from '../engine.js';

const PING_MILLISECONDS = 25;

/** redis-server is not on this machine. */
export class RedisMissingError extends Error {
  override readonly name = 'RedisMissingError';
  /** Tells the parent process what kind of failure this is. */
  readonly code = NOT_INSTALLED;

  constructor(cause: unknown) {
    super(
      'redis-server was not found on the PATH. Run scripts/setup.sh, or install it: ' +
        '“apt-get install redis-server” on Debian and Ubuntu, “brew install redis” on macOS. ' +
        'Or name a Redis that runs elsewhere with LOG_COURIER_REDIS_URL.',
      { cause },
    );
  }
}

/** The port was taken between the moment it was chosen and the moment redis-server opened it. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';

  constructor(readonly port: number) {
    super(`Port ${port} of 127.0.0.1 is in use by another process.`);
  }
}

/**
 * Arguments of redis-server: every write goes to the append-only file before it is answered, and nothing
 * is ever evicted (BullMQ needs that).
 */
export function redisArguments(directory: string, port: number): string[] {
  return [
    ...['--bind', '127.0.0.1', '--port', String(port), '--protected-mode', 'no'],
    ...['--dir', directory, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
    ...['--maxmemory-policy', 'noeviction', '--daemonize', 'no'],
  ];
}

/**
 * Starts redis-server and waits until it answers PING (it does not while it loads its data).
 *
 * @throws RedisMissingError, PortTakenError, or Error when it ends before it answers
 */
export async function startRedisServer(
  directory: string,
  port: number,
): Promise<ChildProcess & { pid: number }> {
  const server = spawn('redis-server', redisArguments(directory, port), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // The server must not outlive its guardian, also when that ends while the server still starts.
  process.once('exit', () => server.kill('SIGKILL'));
  let output = '';
  server.stdout.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk);
    output = (output + chunk.toString('utf8')).slice(-4096);
  });
  const ended = once(server, 'exit');
  try {
    await once(server, 'spawn');
  } catch (error) {
    throw new RedisMissingError(error);
  }
  const alive = (): boolean => server.exitCode === null && server.signalCode === null;
  while (alive() && !(await answersPing(port))) await Promise.race([sleep(PING_MILLISECONDS), ended]);
  if (alive() && server.pid !== undefined) return Object.assign(server, { pid: server.pid });
  if (/address already in use/i.test(output)) throw new PortTakenError(port);
  throw new Error(`redis-server ended before it was ready: ${output.trim().split('\n').at(-1) ?? ''}`);
}

/** True when a Redis that has loaded its data listens on the port. */
async function answersPing(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const answer: unknown[] = await once(socket, 'data');
    return String(answer[0]).startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
