/** nbctl: the northbound database from the command line. Counterpart: ovn-nbctl(8). */
import { runProcess } from '@weft/ctl/framework/process';
import { nbctl } from '@weft/ctl/nb/program';

void runProcess(nbctl, () => import('../ctl-background.ts').then((module) => module.background));
