import { hideSecrets } from '../../config/secrets.js';
import { channelsOf } from '../../processors/notifications/channels.js';
import { testMessage } from '../../processors/notifications/message.js';
import { print, UsageError, type Register } from '../context.js';
import { settingsOf, withSettings } from '../setting-flags.js';

/** `notify`: tries the channels on which people are told of what is stuck. */
export const registerNotify: Register = (program, context) => {
  const command = program
    .command('notify')
    .description('send a test message to the webhook and the mail addresses of the settings')
    .option('--test', 'send it; nothing else is sent by hand')
    .addHelpText('after', '\nExample: log-courier notify --test')
    .action(async (options: { test?: boolean }) => {
      const { settings } = settingsOf(command, context);
      if (options.test !== true) throw new UsageError('notify: give --test');
      const channels = channelsOf(settings);
      if (channels.length === 0)
        throw new UsageError('notify: set notification.webhook-url or notification.smtp-url');
      const message = testMessage(settings, new Date().toISOString());
      for (const { name, send } of channels) {
        try {
          await send(message, context.stop);
          print(context.stdout, `${name}: taken`);
        } catch (error) {
          context.stop.throwIfAborted();
          const why = hideSecrets(error instanceof Error ? error.message : String(error), settings);
          print(context.stdout, `${name}: not taken: ${why}`);
          context.exitCode = 1;
        }
      }
    });
  withSettings(command);
};
