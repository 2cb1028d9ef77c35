import { once } from 'node:events';
import { connect } from 'node:net';
import { startServerProcess, type ServerProcess } from '../server-process.js';

const MISSING =
  'redis-server was not found on the PATH. Run scripts/setup.sh, or install it: ' +
  '“apt-get install redis-server” on Debian and Ubuntu, “brew install redis” on macOS. ' +
  'Or name a Redis that runs elsewhere with LOG_COURIER_REDIS_URL.';

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
 * @throws ProgramMissingError, PortTakenError, or Error when it ends before it answers
 */
export async function startRedisServer(directory: string, port: number): Promise<ServerProcess> {
  return startServerProcess({
    command: 'redis-server',
    args: redisArguments(directory, port),
    port,
    missing: MISSING,
    answers: answersPing,
  });
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
