/** What `--version` and the `version` command of every program say. */
export const version = '0.1.0';
