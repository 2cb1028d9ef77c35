import { createInterface, type Interface } from 'node:readline/promises';
import { Writable, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { print, UsageError, type Output } from './context.js';

/** Where a password comes from: standard input. */
export type PasswordInput = Readable & { readonly isTTY?: boolean };

/** Nothing that is typed is shown. */
const silence = (): Writable =>
  new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });

/**
 * Reads a password: asked for twice and not shown when somebody types it, else all of what is piped in, without the
 * line break at its end.
 *
 * @param prompts where questions are written
 * @throws {UsageError} when it is empty, or the second does not match the first
 */
export async function readPassword(
  input: PasswordInput,
  prompts: Output,
  stop: AbortSignal,
): Promise<string> {
  const password =
    input.isTTY === true ? await ask(input, prompts, stop) : withoutLineBreak(await text(input));
  if (password === '')
    throw new UsageError('hash-password: the password is empty; give one on standard input');
  return password;
}

async function ask(input: PasswordInput, prompts: Output, stop: AbortSignal): Promise<string> {
  const lines = createInterface({ input, output: silence(), terminal: true });
  try {
    const first = await askOnce(lines, 'Password: ', prompts, stop);
    const second = await askOnce(lines, 'Once more: ', prompts, stop);
    if (first !== second) throw new UsageError('hash-password: the two passwords differ');
    return first;
  } finally {
    lines.close();
  }
}

async function askOnce(
  lines: Interface,
  prompt: string,
  prompts: Output,
  stop: AbortSignal,
): Promise<string> {
  prompts.write(prompt);
  const interrupted = new Promise<never>((_resolve, reject) => {
    lines.once('SIGINT', () => {
      reject(new Error('interrupted'));
    });
  });
  try {
    return await Promise.race([lines.question('', { signal: stop }), interrupted]);
  } finally {
    print(prompts);
  }
}

function withoutLineBreak(given: string): string {
  return given.replace(/\r?\n$/, '');
}
