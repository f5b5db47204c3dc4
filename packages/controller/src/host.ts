/** What the controller asks of the machine it runs on. */
import os from 'node:os';

export const hostname = (): string => os.hostname();
