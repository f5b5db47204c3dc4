/** Tells people what is wrong with the configuration, and that northd is waited for (ovn-controller(8), "Configuration"). */
import { internalVersion } from '@weft/schemas/internal-version';
import type { Feature } from '../feature.ts';

export const configuration: Feature = (model, { log }) => {
  model.runtime.forEach(
    'problems of the configuration',
    () => model.config()?.problems ?? [],
    (problem) => problem,
    (_key, problem) => {
      if (problem !== undefined) log.warn(problem);
    },
  );
  model.runtime.forEach(
    'version of northd',
    () => ['version'],
    () => model.otherNorthdVersion(),
    (_key, version, previous) => {
      if (version !== undefined)
        log.warn(`northd's version is '${version}', not ${internalVersion}: nothing is changed until it is`);
      else if (previous !== undefined) log.info("northd's version is ours again");
    },
  );
};
