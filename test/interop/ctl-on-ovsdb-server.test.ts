import { playTranscripts } from './ctl-play.ts';

playTranscripts();
