import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { SMTPServer } from 'smtp-server';
import { z } from 'zod';
import { putBack } from '../../src/queues/put-back.js';
import { runMaintenance } from '../../src/processors/maintenance.js';
import { sendToWebhook, signatureOf } from '../../src/processors/notifications/webhook.js';
import { testMessage } from '../../src/processors/notifications/message.js';
import { maintenanceIntervalMs } from '../../src/queues/maintenance.js';
import type { Environment } from '../support/cli.js';
import { startHttpReceiver, type HttpReceiver } from '../support/http-receiver.js';
import { useWorkbench } from '../support/test-workbench.js';
import type { Workbench } from '../support/workbench.js';

const NOTIFY = { pipeline: 'access-logs', task: 'notify' } as const;
const going = new AbortController().signal;

const openBench = useWorkbench('notifications');
let webhook: HttpReceiver;
let mails: string[];
let smtp: SMTPServer;
let smtpPort: number;

beforeAll(async () => {
  smtp = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    onAuth: (auth, _session, done) => {
      if (auth.username === 'courier' && auth.password === 'hunter2') done(null, { user: 'courier' });
      else done(new Error('Invalid credentials'));
    },
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push(Buffer.concat(chunks).toString('utf8'));
        done();
      });
    },
  });
  smtp.listen(0, '127.0.0.1');
  await once(smtp.server, 'listening');
  ({ port: smtpPort } = z.object({ port: z.number() }).parse(smtp.server.address()));
});

afterAll(async () => {
  await new Promise<void>((resolve) => {
    smtp.close(resolve);
  });
});

afterEach(async () => {
  await webhook.close();
});

async function open(more: Environment = {}): Promise<Workbench> {
  mails = [];
  webhook = await startHttpReceiver();
  return openBench({
    LOG_COURIER_NOTIFICATION_WEBHOOK_URL: `${webhook.url}/hook?key=hunter3`,
    LOG_COURIER_NOTIFICATION_MIN_INTERVAL_SECONDS: '0',
    LOG_COURIER_DASHBOARD_PUBLIC_URL: 'https://courier.example.com',
    ...more,
  });
}

const mailSettings = (password = 'hunter2'): Environment => ({
  LOG_COURIER_NOTIFICATION_SMTP_URL: `smtp://courier:${password}@127.0.0.1:${String(smtpPort)}`,
  LOG_COURIER_NOTIFICATION_MAIL_FROM: 'courier@example.com',
  LOG_COURIER_NOTIFICATION_MAIL_TO: 'ops@example.com, night@example.com',
});

/** Has one order of each bucket in the book as failed. */
async function failSome(bench: Workbench, ...buckets: string[]): Promise<void> {
  for (const bucket of buckets) await bench.here.addRecords({ bucket, target: 'gone', count: 10 });
  await bench.discover();
  for (const order of await bench.open())
    await bench.here.pipeline.fail(order, {
      code: 'NoSuchBucket',
      reason: 'target bucket "gone"',
      targets: ['gone'],
      objects: [],
    });
}

const look = async (bench: Workbench): Promise<unknown> =>
  (await runMaintenance(bench.parts, NOTIFY, going))?.figures;

const payload = z.looseObject({
  title: z.string(),
  stuck: z.array(
    z.looseObject({ code: z.string(), sources: z.array(z.looseObject({ source: z.string() })) }),
  ),
  recovered: z.array(z.looseObject({ source: z.string() })),
});

/** Titles of what the webhook got. */
const titles = (): string[] => webhook.requests.map(({ body }) => payload.parse(JSON.parse(body)).title);

const [STUCK, SENT] = ['log-courier, access-logs: ', { sent: 1, failed: 0 }] as const;
const NOTHING = { sent: 0, failed: 0 };

describe('buckets that become stuck', () => {
  test('are told in one message, and those that recover in another; nothing is told twice', async () => {
    const bench = await open();
    expect(await look(bench)).toEqual(NOTHING);
    await failSome(bench, 'photos', 'films');
    expect(await look(bench)).toEqual(SENT);
    expect(await look(bench)).toEqual(NOTHING);
    const { stuck } = payload.parse(JSON.parse(webhook.requests[0]?.body ?? ''));
    expect(stuck).toMatchObject([
      {
        code: 'NoSuchBucket',
        sourceCount: 2,
        records: 20,
        sources: [
          { source: 'films' },
          { source: 'photos', url: 'https://courier.example.com/source?pipeline=access-logs&source=photos' },
        ],
      },
    ]);

    const failed = (await bench.here.pipeline.failed({ source: 'photos' })).map(({ order }) => order);
    await putBack({ pipeline: bench.here.pipeline, queue: bench.delivery }, bench.here.settings, failed);
    expect(await look(bench)).toEqual(NOTHING);
    for (const { id } of failed) await bench.here.pipeline.skip(id, { by: 'me', reason: 'test' });
    expect(await look(bench)).toEqual(SENT);
    expect(titles()).toEqual([`${STUCK}2 buckets stuck`, `${STUCK}1 bucket recovered`]);
  });

  test('are told once, whichever process looks next; a wiped Redis has them told once more', async () => {
    const bench = await open();
    await failSome(bench, 'photos');
    const all = await Promise.all([look(bench), look(bench), look(bench)]);
    expect(all.filter((one) => one !== undefined)).toEqual([SENT]);
    expect(await look(bench)).toEqual(NOTHING);
    await bench.queues.redis.flushdb();
    expect(await look(bench)).toEqual(SENT);
    expect(await look(bench)).toEqual(NOTHING);
  });

  test('wait for notification.min-interval-seconds to pass since the last message, and are then told together', async () => {
    const bench = await open({ LOG_COURIER_NOTIFICATION_MIN_INTERVAL_SECONDS: '3600' });
    await failSome(bench, 'photos');
    expect(await look(bench)).toEqual(SENT);
    await failSome(bench, 'films');
    await failSome(bench, 'music');
    expect(await look(bench)).toEqual(NOTHING);
    await bench.queues.redis.del(
      `${bench.here.settings['redis.key-prefix']}:told-lately:webhook:access-logs`,
    );
    expect(await look(bench)).toEqual(SENT);
    expect(titles()).toEqual([`${STUCK}1 bucket stuck`, `${STUCK}2 buckets stuck`]);
  });

  test('are told by mail too, and one channel that is out of order holds up no other', async () => {
    const bench = await open(mailSettings('wrong'));
    await failSome(bench, 'photos');
    expect(await look(bench)).toEqual({ sent: 1, failed: 1 });
    const mended = { ...bench.parts, settings: { ...bench.here.settings } };
    mended.settings['notification.smtp-url'] = mailSettings()['LOG_COURIER_NOTIFICATION_SMTP_URL'] ?? '';
    expect((await runMaintenance(mended, NOTIFY, going))?.figures).toEqual(SENT);
    expect(webhook.requests).toHaveLength(1);
    expect(mails).toHaveLength(1);
    expect(mails[0]).toContain('To: ops@example.com, night@example.com');
    expect(mails[0]).toContain('Subject: log-courier, access-logs: 1 bucket stuck');
    expect(mails[0]).toContain('photos https://courier.example.com/source?');
    const counted = await bench.here.store.metrics.notifications.get();
    expect(counted.values.map(({ labels, value }) => [labels.channel, labels.status, value])).toEqual([
      ['webhook', 'sent', 1],
      ['mail', 'failed', 1],
      ['mail', 'sent', 1],
    ]);
  });
});

describe('the webhook', () => {
  test('gets JSON with the time and a signature of both', async () => {
    const bench = await open({ LOG_COURIER_NOTIFICATION_WEBHOOK_SECRET: 'shared' });
    await sendToWebhook(bench.here.settings, testMessage(bench.here.settings, 'now'), going, []);
    const [request] = webhook.requests;
    const { headers, body = '' } = request ?? {};
    expect(request).toMatchObject({ method: 'POST', path: '/hook?key=hunter3' });
    expect(headers?.['content-type']).toBe('application/json');
    const timestamp = String(headers?.['x-log-courier-timestamp']);
    expect(Math.abs(Number(timestamp) * 1000 - Date.now())).toBeLessThan(60_000);
    expect(headers?.['x-log-courier-signature']).toBe(signatureOf('shared', timestamp, body));
    expect(signatureOf('shared', '1', '{}')).not.toBe(signatureOf('other', '1', '{}'));
  });

  test('is asked again, under the same id, after what may pass by itself, and not after a refusal', async () => {
    const { here } = await open();
    const message = testMessage(here.settings, 'now');
    webhook.answerWith(503, 429, 200);
    await sendToWebhook(here.settings, message, going, [1, 1]);
    expect(new Set(webhook.requests.map(({ headers }) => headers['x-log-courier-delivery'])).size).toBe(1);
    expect(webhook.requests).toHaveLength(3);
    webhook.answerWith(404, 500, 500);
    await expect(sendToWebhook(here.settings, message, going, [1])).rejects.toThrow('status 404');
    await expect(sendToWebhook(here.settings, message, going, [1])).rejects.toThrow('status 500');
    expect(webhook.requests).toHaveLength(6);
  });

  test('is not followed to where it redirects', async () => {
    const { here } = await open();
    webhook.answerWith(302);
    await expect(sendToWebhook(here.settings, testMessage(here.settings, 'now'), going, [])).rejects.toThrow(
      'status 302',
    );
  });

  test('gets no markup that a name or an answer brings along', async () => {
    const { here } = await open();
    const message = { ...testMessage(here.settings, 'now'), text: 'bucket <!channel> & co' };
    await sendToWebhook(here.settings, message, going, []);
    expect(webhook.requests[0]?.body).toContain('"text":"bucket &lt;!channel&gt; &amp; co"');
  });

  test('is named in no error, since its address may be a secret', async () => {
    const { here } = await open();
    const gone = { ...here.settings, 'notification.webhook-url': 'http://127.0.0.1:9/hunter3' };
    const failure = await sendToWebhook(gone, testMessage(gone, 'now'), going, []).catch(String);
    expect(failure).toMatch(/^WebhookError: the webhook could not be reached: /);
    expect(failure).not.toContain('hunter3');
  });
});

describe('notify --test', () => {
  test('sends to each channel and says whether it was taken', async () => {
    const { here } = await open(mailSettings());
    expect(await here.cli('notify', '--test')).toMatchObject({
      status: 0,
      stdout: 'webhook: taken\nmail: taken\n',
    });
    expect(mails[0]).toContain('Subject: log-courier: a test');
    webhook.answerWith(403);
    const refused = await here.cli('notify', '--test');
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stdout).toContain('webhook: not taken: the webhook answered with status 403\nmail: taken');
  });

  test('hides the password of a mail server that refuses it', async () => {
    const { here } = await open(mailSettings('wrong-secret'));
    const { status, stdout } = await here.cli('notify', '--test');
    expect(status).toBe(1);
    expect(stdout).toContain('mail: not taken: ');
    expect(stdout).not.toContain('wrong-secret');
  });

  test('asks for a channel, and for --test', async () => {
    const { here } = await open({ LOG_COURIER_NOTIFICATION_WEBHOOK_URL: '' });
    expect(maintenanceIntervalMs(here.settings, 'notify')).toBeUndefined();
    expect(await here.cli('notify', '--test')).toMatchObject({ status: 2 });
    expect(await here.cli('notify')).toMatchObject({ status: 2 });
  });
});
