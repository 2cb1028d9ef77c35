#!/usr/bin/env -S node --min-semi-space-size=16 --heap-growing-percent=200
// What passes through lies outside of V8's heap, which is small and hardly grows. Node.js takes that for a reason to look
// through all of it every few megabytes, and to make do with less and less memory for short-lived objects while nothing
// passes: most of the CPU time goes into garbage collection then. docs/performance.md has the figures.
import { constants } from 'node:os';
import { main } from './cli/main.js';

// The AWS SDK warns on Node.js 20 that its versions after January 2027 need a newer one; which version is in use is
// the lock file's matter, and standard error is for the log.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    // The first signal asks for an orderly end, a second one ends at once.
    if (stopping.signal.aborted) process.exit(128 + constants.signals[signal]);
    stopping.abort(new Error(`told to stop by ${signal}`));
  });
}

// A process that was started with a channel to its parent ends with it: nobody would ever stop it otherwise.
process.once('disconnect', () => {
  stopping.abort(new Error('told to stop: the parent process has ended'));
});

const status = await main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  stop: stopping.signal,
  exitCode: 0,
});
// What a command leaves open, such as a connection to an engine that is away, must not keep the process alive.
process.exit(status);
