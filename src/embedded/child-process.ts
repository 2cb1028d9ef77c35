import { errorCode } from './error-code.js';
import { toChild, type FromChild } from './child-messages.js';

/** An engine that runs in a child process. */
export interface RunningEngine {
  readonly port: number;
  /** The process to kill when the engine is to die: the child itself, or the server that it guards. */
  readonly pid: number;
  /** Ends the engine in order. */
  readonly stop: () => Promise<void>;
}

/** An end in order may take this long on the parent's word; what is on disk is safe without it. */
const STOP_SECONDS = 10;
/** And this long when the parent is gone: its successor may be waiting for the directory. */
const ORPHAN_STOP_SECONDS = 2;

/**
 * The life of a child process that holds an engine: it starts on its parent's word, and ends on its word
 * or when the parent is gone, however it went (the IPC channel closes). Ctrl-C in the terminal is for the
 * parent alone.
 *
 * @param start starts the engine with the options that the parent sent
 */
export function runChild(start: (options: unknown) => Promise<RunningEngine>): void {
  let engine: RunningEngine | undefined;
  let stopping = false;

  const stop = async (limitSeconds: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      process.kill(engine?.pid ?? process.pid, 'SIGKILL');
      process.exit(1);
    }, limitSeconds * 1000);
    await engine?.stop();
    process.exit(0);
  };

  const startEngine = async (options: unknown): Promise<void> => {
    try {
      engine = await start(options);
      if (process.connected) await tell({ type: 'ready', port: engine.port, pid: engine.pid });
      else await stop(ORPHAN_STOP_SECONDS);
    } catch (error) {
      await tell({ type: 'failed', ...describe(error) });
      process.exit(1);
    }
  };

  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('SIGTERM', () => void stop(STOP_SECONDS));
  process.on('disconnect', () => void stop(ORPHAN_STOP_SECONDS));
  process.on('message', (value) => {
    const message = toChild.parse(value);
    void (message.type === 'start' ? startEngine(message.options) : stop(STOP_SECONDS));
  });
}

async function tell(message: FromChild): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else
      process.send(message, () => {
        resolve();
      });
  });
}

function describe(error: unknown): { code: string; message: string } {
  return { code: errorCode(error), message: error instanceof Error ? error.message : String(error) };
}
