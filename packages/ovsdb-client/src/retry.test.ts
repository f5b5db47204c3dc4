import { expect, it } from 'vitest';
import { ConflictError, NotConnectedError, TransactionError, UncertainError } from './errors.ts';
import { type RetryOptions, retry } from './retry.ts';

const conflict = new ConflictError({ error: 'timed out' }, 0);
const refused = new TransactionError({ error: 'constraint violation' }, 1);
const lost = new NotConnectedError('not connected');
const uncertain = new UncertainError('connection closed');

/** Attempts that end like this, and those that come after them are committed. What becomes of them: the number of attempts, or the error. */
async function outcome(ends: readonly Error[], options: RetryOptions = {}): Promise<unknown> {
  let attempt = 0;
  const begin = async () => ({
    commit: async () => {
      const end = ends[attempt++];
      if (end !== undefined) throw end;
    },
  });
  try {
    const { value } = await retry({ begin, settle: async () => {} }, () => attempt + 1, options);
    expect(value).toBe(attempt);
    return value;
  } catch (error) {
    return error;
  }
}

it('follows a conflict, and a connection that was not there', async () => {
  expect(await outcome([conflict, lost, conflict])).toBe(4);
  expect(await outcome([conflict, refused])).toBe(refused);
});

it('has a bound', async () => {
  expect(await outcome(Array(5).fill(conflict))).toBe(conflict);
  expect(await outcome([conflict, conflict], { attempts: 2 })).toBe(conflict);
});

it('does nothing twice that may have been done, unless that is said to be harmless', async () => {
  expect(await outcome([uncertain])).toBe(uncertain);
  expect(await outcome([conflict, uncertain])).toBe(uncertain);
  expect(await outcome([uncertain, conflict, lost], { repeatable: true })).toBe(4);
  expect(await outcome([refused], { repeatable: true })).toBe(refused);
});

it('takes a refusal after an attempt whose outcome is not known for what that one may have done', async () => {
  expect(await outcome([uncertain, refused], { repeatable: true })).toBe(3);
  const error = await outcome([uncertain, refused], { repeatable: true, attempts: 2 });
  expect(error).toBeInstanceOf(UncertainError);
  expect(error).toMatchObject({ message: 'connection closed; then: constraint violation', cause: refused });
});

it('does not call that a failure which may have been committed before the replica was closed', async () => {
  let begun = false;
  const begin = async () => {
    if (begun) throw lost;
    begun = true;
    return { commit: () => Promise.reject(uncertain) };
  };
  const done = retry({ begin, settle: async () => {} }, () => 0, { repeatable: true });
  await expect(done).rejects.toMatchObject({ name: 'UncertainError', cause: lost });
});
