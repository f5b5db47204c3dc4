/**
 * The sequence number of the administrator's configuration: once the flows of a southbound state are in the switch, this chassis says so
 * (ovn-nb(5), NB_Global hv_cfg).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../feature.ts';

export const nbCfg: Feature = (model, { sbWrites, ovsWrites, now }) => {
  const { runtime } = model;
  const here = () => (model.reported.get('reported') === undefined ? [] : ['here']);

  runtime.forEach(
    'nb_cfg to the southbound database',
    here,
    () => {
      const reported = model.reported.get('reported');
      const name = model.config()?.systemId;
      const row = name === undefined ? undefined : model.chassisPrivateByName.one(name);
      if (reported === undefined || row === undefined || row.nb_cfg === reported.nbCfg) return undefined;
      return { uuid: row._uuid, nb_cfg: reported.nbCfg, nb_cfg_timestamp: reported.timestamp };
    },
    (_key, change) =>
      sbWrites.set(
        'nb_cfg',
        change &&
          ((transaction) => {
            const { uuid, nb_cfg, nb_cfg_timestamp } = change;
            transaction.update('Chassis_Private', uuid, { nb_cfg, nb_cfg_timestamp });
          }),
      ),
    isDeepStrictEqual,
  );

  const started = String(now());
  runtime.forEach(
    'nb_cfg to the integration bridge',
    here,
    () => {
      const reported = model.reported.get('reported');
      const bridge = model.integrationBridge();
      if (reported === undefined || bridge === undefined) return undefined;
      const wanted = new Map([
        ['ovn-nb-cfg', String(reported.nbCfg)],
        ['ovn-nb-cfg-ts', String(reported.timestamp)],
        ['ovn-startup-ts', started],
      ]);
      const ids = bridge.external_ids;
      const right = ids.get('ovn-nb-cfg') === wanted.get('ovn-nb-cfg') && ids.get('ovn-startup-ts') === started;
      return right ? undefined : { uuid: bridge._uuid, wanted };
    },
    (_key, change) =>
      ovsWrites.set(
        'nb_cfg',
        change &&
          ((transaction) => {
            const { uuid, wanted } = change;
            transaction.deleteFrom('Bridge', uuid, 'external_ids', [...wanted.keys()]);
            transaction.insertInto('Bridge', uuid, 'external_ids', wanted);
          }),
      ),
    isDeepStrictEqual,
  );
};
