import { Command } from 'commander';
import { z } from 'zod';
import { listen } from '../../src/embedded/listen.js';
import { createSink } from './server.js';

const flags = new Command('sink')
  .description('Takes objects as S3 does and discards them. Ends when its parent does.')
  .option('--latency-ms <n>', 'how long each answer is held back', '0')
  .option('--newlines', 'count line feeds', false)
  .addHelpText('after', '\nExample: sink --latency-ms 50')
  .parse();

const options = z.object({ latencyMs: z.coerce.number().min(0), newlines: z.boolean() }).parse(flags.opts());

// Whoever started it is told where it listens, and holds the channel for as long as the sink is needed.
const port = await listen(createSink(options), 0);
process.on('disconnect', () => process.exit());
process.send?.({ port });
