import { describe, expect, test } from '@jest/globals';
import { userFrom, type ClaimRules } from '../../src/dashboard/access/oidc-claims.js';

const rules: ClaimRules = {
  nameClaim: 'preferred_username',
  roleClaim: 'groups',
  operatorValues: ['storage-ops', 'admins'],
  viewerValues: ['staff'],
};

describe('claims make a user', () => {
  test.each([
    ['an operator by one of several groups', { groups: ['staff', 'storage-ops'] }, 'operator'],
    ['an operator by a text', { groups: 'admins' }, 'operator'],
    ['a viewer', { groups: ['staff'] }, 'viewer'],
    ['nobody by another group', { groups: ['sales'] }, undefined],
    ['nobody by part of a group', { groups: 'storage-ops-guests' }, undefined],
    ['nobody by no group', { groups: [] }, undefined],
    ['nobody without the claim', {}, undefined],
    ['nobody by what is no text', { groups: [true, { name: 'admins' }, ['admins'], null] }, undefined],
  ])('who is %s', (_, claims, role) => {
    expect(userFrom({ sub: '1', ...claims }, rules).role).toBe(role);
  });

  test('by claims within claims, and by claims with dots in their names', () => {
    const within = { ...rules, roleClaim: 'realm_access.roles' };
    expect(userFrom({ sub: '1', realm_access: { roles: ['admins'] } }, within).role).toBe('operator');
    expect(userFrom({ sub: '1', 'realm_access.roles': ['staff'] }, within).role).toBe('viewer');
    expect(userFrom({ sub: '1', realm_access: 'admins' }, within).role).toBeUndefined();
    expect(userFrom({ sub: '1' }, { ...rules, roleClaim: '__proto__.constructor' }).role).toBeUndefined();
  });

  test('of everyone whom the provider knows, where the settings say so; it makes no operator', () => {
    const everyone = { ...rules, viewerValues: ['*'] };
    expect(userFrom({ sub: '1' }, everyone).role).toBe('viewer');
    expect(userFrom({ sub: '1' }, { ...rules, operatorValues: ['*'] }).role).toBeUndefined();
  });

  test('with a name on one line, or the subject', () => {
    expect(userFrom({ sub: '1', preferred_username: 'alice' }, rules).name).toBe('alice');
    expect(userFrom({ sub: '1', preferred_username: 'al\nice\r' }, rules).name).toBe('al ice');
    expect(userFrom({ sub: '1', preferred_username: ' ' }, rules).name).toBe('1');
    expect(userFrom({ sub: '1', preferred_username: 7 }, rules).name).toBe('1');
    expect(userFrom({ sub: 'x'.repeat(1000) }, rules).name).toHaveLength(200);
  });
});
