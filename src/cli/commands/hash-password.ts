import { hashPassword } from '../../dashboard/access/password-hash.js';
import { hashToken, randomToken } from '../../dashboard/access/token.js';
import { print, type Register } from '../context.js';
import { readPassword } from '../read-password.js';

interface HashFlags {
  readonly token?: boolean;
}

/** `hash-password`: what stands for a user's password or token in the dashboard's file of users. */
export const registerHashPassword: Register = (program, context) => {
  program
    .command('hash-password')
    .description('print the hash of a password, read from standard input, for the users of the dashboard')
    .option('--token', 'make a random bearer token instead, and print it with its hash')
    .addHelpText(
      'after',
      '\nExamples:\n  log-courier hash-password\n  log-courier hash-password < password.txt\n  log-courier hash-password --token',
    )
    .action(async ({ token }: HashFlags) => {
      if (token === true) {
        const made = randomToken();
        print(context.stdout, `token  ${made}`);
        print(context.stdout, `hash   ${hashToken(made)}`);
        return;
      }
      const password = await readPassword(process.stdin, context.stderr, context.stop);
      print(context.stdout, await hashPassword(password));
    });
};
