/** sbctl: the southbound database from the command line. Counterpart: ovn-sbctl(8). */
import { runProcess } from '@weft/ctl/framework/process';
import { sbctl } from '@weft/ctl/sb/program';

void runProcess(sbctl, () => import('../ctl-background.ts').then((module) => module.background));
