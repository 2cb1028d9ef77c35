import { afterAll, expect, test } from '@jest/globals';
import { openStore } from '../../src/cli/assembly.js';
import { diagnose } from '../../src/cli/doctor/examine.js';
import { silentLog } from '../../src/observability/log.js';
import { about, ok, warning, type DoctorContext } from '../../src/pipelines/finding.js';
import { settingsWith } from '../support/doctor.js';

/** Nobody listens there: what engines have to say is of no interest here. */
const NOWHERE = '127.0.0.1:1';
const store = openStore(
  settingsWith({
    'clickhouse.url': `http://${NOWHERE}`,
    'redis.url': `redis://${NOWHERE}`,
    's3.endpoint': `http://${NOWHERE}`,
    's3.access-key-id': 'key',
    's3.secret-access-key': 'secret-of-s3',
    's3.max-retry-attempts': '1',
  }),
  silentLog(),
);
afterAll(() => store.close());

const [pipeline] = store.pipelines;
if (pipeline === undefined) throw new Error('there is no pipeline');
const { signal } = new AbortController();

test('every pipeline looks at its own part, and is told which places to try', async () => {
  const asked: (readonly string[])[] = [];
  const looking = (name: string) => ({
    ...pipeline,
    name,
    doctor: (context: DoctorContext) => {
      asked.push(context.places);
      return Promise.resolve([ok(about(`${name}.tables`), 'they are there')]);
    },
  });
  const silent = { ...pipeline, name: 'three' };
  Reflect.deleteProperty(silent, 'doctor');
  const pipelines = [looking('one'), looking('two'), silent];
  const { findings } = await diagnose({ ...store, pipelines }, ['somewhere'], signal);
  expect(asked).toEqual([['somewhere'], ['somewhere']]);
  expect(findings).toEqual(
    expect.arrayContaining([
      ok(about('one.tables'), 'they are there'),
      ok(about('two.tables'), 'they are there'),
    ]),
  );
});

test('a pipeline that cannot look at its part is a problem, and the others are heard', async () => {
  const broken = {
    ...pipeline,
    name: 'broken',
    doctor: () => Promise.reject(new Error('no such directory')),
  };
  const fine = {
    ...pipeline,
    name: 'fine',
    doctor: () => Promise.resolve([ok(about('fine.tables'), 'yes')]),
  };
  const diagnosis = await diagnose({ ...store, pipelines: [broken, fine] }, [], signal);
  expect(diagnosis.ok).toBe(false);
  expect(diagnosis.findings).toContainEqual(
    expect.objectContaining({
      check: 'pipeline',
      subject: 'broken',
      verdict: 'problem',
      found: 'it could not be looked at: no such directory',
    }),
  );
  expect(diagnosis.findings).toContainEqual(ok(about('fine.tables'), 'yes'));
});

test('secrets that a pipeline repeats are not shown', async () => {
  const doctor = () =>
    Promise.resolve([warning(about('a'), 'refused secret-of-s3 at redis://me:hidden-too@host', 'look')]);
  const { findings } = await diagnose({ ...store, pipelines: [{ ...pipeline, doctor }] }, [], signal);
  expect(JSON.stringify(findings)).not.toMatch(/secret-of-s3|hidden-too/);
});

test('who tells it to stop is obeyed', async () => {
  await expect(diagnose(store, [], AbortSignal.abort(new Error('told to stop')))).rejects.toThrow(
    'told to stop',
  );
});
