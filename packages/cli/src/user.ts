/** `--user=USER:GROUP`: what a daemon that root starts runs as (ovn-northd(8)). */
import { spawnSync } from 'node:child_process';
import { chownSync, closeSync, openSync } from 'node:fs';

/** The option cannot be done; `message` says why. */
export class UserError extends Error {
  override name = 'UserError';
}

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds `user`, `user:`, `user:group` or `:group`. A user without a group has its own; a group without a user is for the current one.
 * @throws UserError if there is none of that name, if the user is not in the group, or for anybody but root
 */
export function findUser(text: string): User {
  if (process.getuid?.() !== 0) throw new UserError('only root can use --user option');
  const [name = '', groupName = ''] = text.split(':');
  const uid = name === '' ? 0 : Number(lookUp(['-u', name]) ?? not(`user ${name} not found`));
  const groups = (lookUp(name === '' ? ['-G'] : ['-G', name]) ?? '').split(' ').map(Number);
  const own = Number(lookUp(name === '' ? ['-g'] : ['-g', name]) ?? not(`user ${name} not found`));
  if (groupName === '') return { uid, gid: own };
  const gid = groupNumber(groupName) ?? not(`group ${groupName} not found`);
  if (!groups.includes(gid)) {
    not(`Invalid --user option ${text} (user ${name === '' ? 'root' : name} is not in group ${groupName})`);
  }
  return { uid, gid };
}

/**
 * Becomes that user, for good. Files that must be there before, and must stay writable, are made and given to the user. Capabilities are not kept, which
 * Node cannot do: a daemon that needs some gets them from its service unit (`AmbientCapabilities` in systemd.exec(5)).
 */
export function becomeUser({ uid, gid }: User, files: readonly string[]): void {
  for (const file of files) {
    closeSync(openSync(file, 'a', 0o640));
    chownSync(file, uid, gid);
  }
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

/** id(1) asks the system's name service, to which Node has no way. */
function lookUp(args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('id', args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function groupNumber(name: string): number | undefined {
  const { status, stdout } = spawnSync('getent', ['group', name], { encoding: 'utf8' });
  return status === 0 ? Number(stdout.split(':')[2]) : undefined;
}

function not(what: string): never {
  throw new UserError(`${what}, aborting.`);
}
