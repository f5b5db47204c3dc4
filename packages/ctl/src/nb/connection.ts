/** The remotes and the SSL configuration that the server takes from the NB_Global row. */
import { nb } from '@weft/schemas/nb';
import { connectionCommands } from '../shared/connection.ts';

export const nbConnectionCommands = connectionCommands(nb, { root: 'NB_Global', roles: false });
