/** The OpenFlow pipeline of a chassis as data. Tables, fields and flag bits are shared with the logical-flow language, which owns them. */
import { FlagBit, LogicalField, learnedTables, Table } from '@weft/lflow/pipeline';

export { learnedTables, Table as table };

/** Registers that carry a packet's logical state (ovn-architecture(7), "Logical Life Cycle of a Packet"). */
export const register = {
  datapath: LogicalField.datapath.name,
  flags: LogicalField.flags.name,
  dnatZone: LogicalField.dnatZone.field.name,
  snatZone: LogicalField.snatZone.field.name,
  portZone: LogicalField.portZone.field.name,
  inport: LogicalField.inport.field.name,
  outport: LogicalField.outport.field.name,
} as const;

/** Registers that belong to the logical program, and start each pipeline as zero. */
export const programRegisters = Array.from({ length: 10 }, (_, i) => `reg${i}`);

/** Masks of {@link register.flags}, one for each {@link FlagBit}. */
export const flag = Object.fromEntries(Object.entries(FlagBit).map(([name, bit]) => [name, 1 << bit])) as {
  readonly [name in keyof typeof FlagBit]: number;
};

/** Tunnel keys of multicast groups begin here (ovn-sb(5), Multicast_Group). */
export const minMulticastKey = 0x8000;

/** The VLAN_PRESENT bit of an OpenFlow VLAN id. */
export const vlanPresent = 0x1000;

/** The Geneve option that carries the logical ports (ovn-architecture(7), "Tunnel Encapsulations"). */
export const geneveOption = { class: 0x0102, type: 0x80, length: 4, field: 'tun_metadata0', index: 0 } as const;
