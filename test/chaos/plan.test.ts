import { expect, test } from '@jest/globals';
import { FAULTS } from './faults/all.js';
import { planFaults } from './faults/injector.js';
import { seeded } from './random.js';

test('the same seed makes the same list of faults, and another seed another one', () => {
  expect(planned(7)).toEqual(planned(7));
  expect(planned(7)).not.toEqual(planned(8));
});

test('every kind of fault has its turn', () => {
  const names = planned(1).map(({ name }) => name);
  expect(new Set(names)).toEqual(new Set(FAULTS.map(({ name }) => name)));
});

test('faults have names of their own', () => {
  expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
});

function planned(seed: number): { name: string; waitMs: number; details: unknown }[] {
  const plan = planFaults(seeded(seed));
  return Array.from({ length: 1000 }, () => {
    const { name, waitMs, trouble } = plan.next().value;
    return { name, waitMs, details: trouble.details };
  });
}
