import { runProgram } from '../../scripts/program/program.js';
import { print } from '../../src/cli/context.js';
import { startPages, says, type Pages } from '../support/pages.js';
import { take, type Picture } from './camera.js';
import { addManyRecords, BUCKETS, countRecords, TARGETS, targetOf, writeHistory } from './records.js';

/** A deployment of its own, and the pictures that are taken of it. */
interface Scene {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly prepare: (here: Pages['here']) => Promise<void>;
  readonly pictures: readonly Picture[];
}

const [, STUCK = '', ALSO_STUCK = ''] = BUCKETS.filter((bucket) => bucket.startsWith('billing'));
const SOURCE = `/source?${new URLSearchParams({ pipeline: 'access-logs', source: STUCK }).toString()}`;
const MANY = 10_000;

/** What came in before the pictures is delivered when they are taken. */
const ALL_DELIVERED = { waiting: 0, minutes: 10 } as const;

const createTargets = async (here: Pages['here'], targets: readonly string[]): Promise<void> => {
  for (const target of targets) await here.createBucket(target);
};

const chartsDrawn: Picture['when'] = async (page) => {
  await page.locator('.chart canvas').nth(4).waitFor();
  await says(page, '.sources tbody', /./);
};

const SCENES: readonly Scene[] = [
  {
    name: 'idle',
    prepare: async (here) => {
      await createTargets(here, TARGETS);
      await addManyRecords(here, { buckets: BUCKETS, most: 400, ageSeconds: 60 });
      await writeHistory(here, ALL_DELIVERED);
    },
    pictures: [
      {
        name: 'overview-idle',
        path: '/',
        height: 1180,
        when: async (page) => {
          await says(page, 'h1', 'All logs delivered');
          await says(page, '.figures', `of ${String(BUCKETS.length)}`);
          await chartsDrawn(page);
        },
      },
    ],
  },
  {
    name: 'busy',
    settings: {
      LOG_COURIER_QUEUE_MAX_ORDERS_PER_SECOND: '1',
      LOG_COURIER_CONSUMER_MAX_LOGS_PER_BUCKET: '1000',
    },
    prepare: async (here) => {
      await createTargets(here, TARGETS);
      await addManyRecords(here, { buckets: BUCKETS, most: 12_000, ageSeconds: 1500 });
      await writeHistory(here, { waiting: await countRecords(here), minutes: 25, isHalted: true });
    },
    pictures: [
      {
        name: 'overview-busy',
        path: '/?sort=waitingRecords&direction=desc',
        height: 1180,
        when: async (page) => {
          await says(page, 'h1', 'records wait');
          await says(page, '.sources tbody', 'Waiting');
          await chartsDrawn(page);
        },
      },
    ],
  },
  {
    name: 'failures',
    prepare: async (here) => {
      await createTargets(
        here,
        TARGETS.filter((target) => target !== 'logs-billing'),
      );
      const well = BUCKETS.filter((bucket) => targetOf(bucket) !== 'logs-billing');
      await addManyRecords(here, { buckets: well, most: 400, ageSeconds: 60 });
      await here.addRecords({
        bucket: 'legacy-exports',
        target: 'Legacy_Logs',
        count: 1200,
        ageSeconds: 7200,
      });
      await here.createBucket('logs-billing');
      for (const bucket of [STUCK, ALSO_STUCK])
        await here.addRecords({
          bucket,
          target: 'logs-billing',
          prefix: `${bucket}/`,
          count: 900,
          ageSeconds: 9000,
        });
      await here.cli('run', '--once');
      await here.deleteBucket('logs-billing');
      for (const bucket of [STUCK, ALSO_STUCK])
        await here.addRecords({
          bucket,
          target: 'logs-billing',
          prefix: `${bucket}/`,
          count: 2300,
          ageSeconds: 600,
        });
      await writeHistory(here, { waiting: 1200 + 2 * 2300, minutes: 10 });
    },
    pictures: [
      ...(['light', 'dark'] as const).map((scheme): Picture => ({
        name: scheme === 'light' ? 'overview-failures' : 'overview-dark',
        path: '/',
        height: 1180,
        scheme,
        when: async (page) => {
          await says(page, 'h1', '3 buckets stuck');
          await says(page, '.figures', /failed\s*3/);
          await says(page, '.failures > li', 'logs-billing');
          await says(page, '.failures > li', 'Legacy_Logs');
          await chartsDrawn(page);
        },
      })),
      {
        name: 'overview-narrow',
        path: '/',
        width: 390,
        height: 1500,
        when: async (page) => {
          await says(page, '.failures > li', 'logs-billing');
          await chartsDrawn(page);
        },
      },
      {
        name: 'confirm',
        path: '/',
        height: 800,
        when: async (page) => {
          await page.getByRole('button', { name: 'Skip: NoSuchBucket logs-billing' }).click();
          await page.getByRole('dialog').waitFor();
          await chartsDrawn(page);
        },
      },
      {
        name: 'source',
        path: SOURCE,
        height: 700,
        when: async (page) => {
          await says(page, '.orders > li', 'Failed');
          await says(page, '.orders > li', 'Delivered');
        },
      },
      {
        name: 'board',
        path: '/queues/queue/delivery-access-logs?status=completed',
        height: 800,
        when: async (page) => {
          await page
            .getByText(/^order-[0-9a-f]{16}$/)
            .first()
            .waitFor();
          await page.waitForLoadState('networkidle');
        },
      },
    ],
  },
  {
    name: 'many',
    settings: { LOG_COURIER_CONSUMER_MAX_BUCKETS_PER_DISCOVERY: '1000' },
    prepare: async (here) => {
      await createTargets(here, ['logs-tenant']);
      const buckets = Array.from({ length: MANY }, (_, index) => `tenant-${String(index).padStart(5, '0')}`);
      for (let from = 0; from < MANY; from += 1000)
        await addManyRecords(here, { buckets: buckets.slice(from, from + 1000), most: 6, ageSeconds: 60 });
      await writeHistory(here, ALL_DELIVERED);
    },
    pictures: [
      {
        name: 'sources-10000',
        path: '/?search=tenant-0&sort=lastDeliveredAt&direction=desc&page=3#sources',
        height: 950,
        when: async (page) => {
          await says(page, 'h1', 'All logs delivered', 300_000);
          await says(page, '.figures', 'of 10,000');
          await says(page, '.pager', 'of 1');
          await chartsDrawn(page);
          await page.evaluate(`document.querySelector('[aria-labelledby=sources]').scrollIntoView()`);
        },
      },
    ],
  },
];

await runProgram({
  name: 'screenshots',
  stopped: 'stopped before all of them were taken',
  run: async (words) => {
    for (const scene of SCENES) {
      if (words.length > 0 && !words.includes(scene.name)) continue;
      const pages = await startPages(`screenshots_${scene.name}`, scene.prepare, scene.settings);
      try {
        for (const picture of scene.pictures) print(process.stdout, await take(pages, picture));
      } finally {
        await pages.stop();
      }
    }
    return 0;
  },
});
