import { resolve } from 'node:path';
import { playTranscripts } from './ctl-play.ts';

playTranscripts(resolve('node_modules/.bin/weft-ovsdb'));
