import { PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../../src/cli/context.js';
import { readPassword } from '../../src/cli/read-password.js';

const { signal } = new AbortController();

/** Somebody at a terminal, who types one text at each prompt. */
async function typed(
  ...answers: readonly string[]
): Promise<{ readonly password: string; readonly shown: string }> {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const left = [...answers];
  let shown = '';
  const prompts = {
    isTTY: true,
    write: (text: string) => {
      shown += text;
      const next = left.shift();
      // The question is asked after its prompt.
      if (text !== '\n' && next !== undefined) setImmediate(() => input.write(next));
    },
  };
  return { password: await readPassword(input, prompts, signal), shown };
}

async function piped(text: string): Promise<string> {
  const input = new PassThrough();
  input.end(text);
  const prompts = {
    isTTY: false,
    write: () => {
      throw new Error('nobody is there to be asked');
    },
  };
  return readPassword(input, prompts, signal);
}

describe('a password', () => {
  test.each([
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    ['hunter2', 'hunter2'],
    [' päss word \n', ' päss word '],
    ['two\nlines\n', 'two\nlines'],
  ])('is all of %j that is piped in but its last line break', async (text, expected) => {
    expect(await piped(text)).toBe(expected);
  });

  test('that is typed is asked for twice and not shown', async () => {
    const { password, shown } = await typed('hunter2\r', '', 'hunter2\r');
    expect(password).toBe('hunter2');
    expect(shown).toBe('Password: \nOnce more: \n');
  });

  test('that is typed in two ways is refused, and so is none', async () => {
    await expect(typed('hunter2\r', '', 'hunter3\r')).rejects.toThrow(UsageError);
    await expect(typed('\r', '', '\r')).rejects.toThrow('the password is empty');
    await expect(piped('\n')).rejects.toThrow(UsageError);
  });

  test('is not waited for after Ctrl-C', async () => {
    await expect(typed('hun\x03')).rejects.toThrow('interrupted');
  });
});
