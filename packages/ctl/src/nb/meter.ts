/** Meters. */
import { CtlError } from '../framework/ctl-error.ts';
import { inNameOrder } from '../framework/replica-order.ts';
import { leadingInteger } from './parse.ts';
import type { NbCommand } from './types.ts';

const meterAdd: NbCommand = {
  name: 'meter-add',
  args: 'NAME ACTION RATE UNIT [BURST]',
  options: ['--fair', '--may-exist'],
  reads: { Meter: ['name', 'bands', 'unit', 'fair'], Meter_Band: ['action', 'rate', 'burst_size'] },
  summary: 'adds a meter with one band: above RATE, in kbps or pktps, packets are dropped',
  examples: ['meter-add acl-log drop 10 pktps 20', '--fair meter-add shared drop 100 kbps'],
  run: ({ tx, args, options }) => {
    const [name, action, rateText, unit, burstText] = args as [string, string, string, string, string?];
    const existing = tx.holding('Meter', 'name', name)[0];
    if (existing !== undefined && !options.has('--may-exist')) {
      throw new CtlError(`meter with name "${name}" already exists`);
    }
    if (name.startsWith('__')) throw new CtlError('meter names that begin with "__" are reserved');
    if (action !== 'drop') throw new CtlError('action must be "drop"');
    const rate = leadingInteger(rateText);
    if (!(rate >= 1 && rate <= 4294967295)) throw new CtlError('rate must be in the range 1...4294967295');
    if (unit !== 'kbps' && unit !== 'pktps') throw new CtlError('unit must be "kbps" or "pktps"');
    const burst = burstText === undefined ? 0 : leadingInteger(burstText);
    if (!(burst >= 0 && burst <= 4294967295)) throw new CtlError('burst must be in the range 0...4294967295');
    const fair = options.has('--fair') ? { fair: true } : {};
    const band = { action: 'drop', rate, burst_size: burst } as const;
    if (existing === undefined) {
      tx.insert('Meter', { name, unit, bands: [tx.insert('Meter_Band', band)], ...fair });
      return;
    }
    tx.update('Meter', existing._uuid, { unit, ...fair });
    for (const row of tx.many('Meter_Band', existing.bands).slice(0, 1)) tx.update('Meter_Band', row._uuid, band);
  },
};

const meterDel: NbCommand = {
  name: 'meter-del',
  args: '[NAME]',
  reads: { Meter: ['name'] },
  summary: 'deletes a meter, or all',
  examples: ['meter-del acl-log'],
  run: ({ tx, args: [name] }) => {
    const meters = name === undefined ? tx.rows('Meter') : tx.holding('Meter', 'name', name);
    for (const meter of meters) tx.delete('Meter', meter._uuid);
  },
};

const meterList: NbCommand = {
  name: 'meter-list',
  args: '',
  reads: { Meter: ['name', 'bands', 'unit', 'fair'], Meter_Band: ['action', 'rate', 'burst_size'] },
  summary: 'prints the meters with their bands',
  examples: ['meter-list'],
  run: ({ tx, print }) => {
    const meters = inNameOrder(tx.all('Meter'), (meter) => meter.name);
    const bands = tx.many(
      'Meter_Band',
      meters.flatMap((meter) => meter.bands),
    );
    const byUuid = new Map(bands.map((band) => [band._uuid, band]));
    for (const meter of meters) {
      print(`${meter.name}:${meter.fair === true ? ' (fair)' : ''} bands:`);
      const lines = meter.bands.map((uuid) => {
        const band = byUuid.get(uuid)!;
        const burst = meter.unit === 'kbps' ? 'kb' : 'packet';
        return `  ${band.action}: ${band.rate} ${meter.unit}${band.burst_size > 0 ? `, ${band.burst_size} ${burst} burst` : ''}`;
      });
      print(lines.join(''));
    }
  },
};

export const meterCommands: readonly NbCommand[] = [meterAdd, meterDel, meterList];
