/** Daemon mode of nbctl and sbctl, with what the daemons have. */
import type { Background } from '@weft/ctl/framework/main';
import { enterBackground } from './background.ts';
import { createPidfile } from './pidfile.ts';
import { becomeUser, findUser } from './user.ts';

export const background: Background = {
  enter: enterBackground,
  createPidfile,
  becomeUser: (user, files) => becomeUser(findUser(user), files),
};
