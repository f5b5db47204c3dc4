import type { FlowStats, Group, Meter } from '@weft/openflow/flow';
import type { Message, TlvMapping } from '@weft/openflow/messages';

/** What the controller does with a switch. One object is one connection: a new one knows nothing of what the old one sent. */
export interface Switch {
  flows(): Promise<readonly FlowStats[]>;
  groups(): Promise<readonly Group[]>;
  meters(): Promise<readonly Meter[]>;
  tlvMappings(): Promise<readonly TlvMapping[]>;
  /** Sends in order, without waiting. */
  send(messages: readonly Message[]): void;
  /** Sends the messages as one bundle, so that no packet sees half of them. Rejects if the switch refuses any; then none has taken effect. */
  bundle(messages: Iterable<Message>): Promise<void>;
  /** Sends messages that no bundle can hold, and waits until they have taken effect. Rejects if the switch refused any. */
  batch(messages: Iterable<Message>): Promise<void>;
  /** Resolves when everything sent before has taken effect. */
  barrier(): Promise<void>;
}
