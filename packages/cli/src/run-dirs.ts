/** The directories of the installed programs, and the environment variables that move them (ovs-ctl(8), ovn-ctl(8)). */

export type Suite = 'ovs' | 'ovn';

export interface Environment {
  readonly [name: string]: string | undefined;
}

/** Where sockets and pidfiles are. */
export function runDir(suite: Suite, env: Environment): string {
  const set = suite === 'ovs' ? env.OVS_RUNDIR : env.OVN_RUNDIR;
  return set || (suite === 'ovs' ? '/var/run/openvswitch' : '/var/run/ovn');
}

/** Where the configuration files of OVN's programs are: `OVN_SYSCONFDIR`, else the folder of the Debian packages. */
export function configDir(env: Environment): string {
  return env.OVN_SYSCONFDIR || '/etc';
}

/**
 * Where log files go when no option says it: `OVN_LOGDIR` for OVN's, and `OVS_LOGDIR`, which is what the C programs of this version obey; else the
 * folder of the Debian packages.
 */
export function logDir(suite: Suite, env: Environment): string {
  const set = (suite === 'ovn' && env.OVN_LOGDIR) || env.OVS_LOGDIR;
  return set || (suite === 'ovs' ? '/var/log/openvswitch' : '/var/log/ovn');
}

/** The remote of a database when no option names one: `OVN_NB_DB` or `OVN_SB_DB`, else the socket in the run directory (ovn-northd(8)). */
export function defaultRemote(database: 'nb' | 'sb', env: Environment): string {
  const set = database === 'nb' ? env.OVN_NB_DB : env.OVN_SB_DB;
  return set || `unix:${runDir('ovn', env)}/ovn${database}_db.sock`;
}
