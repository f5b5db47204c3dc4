/** Transactions on a file that nobody serves, or as if (ovsdb-tool(1): query, transact). */
import { parseExactJson } from '@weft/jsonrpc/json';
import { syntaxError } from '@weft/ovsdb/error';
import { canonicalText, isArray, type Json } from '@weft/ovsdb/json';
import { arePersistent } from '../changes.ts';
import { newUuid } from '../new-uuid.ts';
import { wholeText } from '../operation/result.ts';
import { RoleAccess } from '../rbac.ts';
import { execute } from '../transaction.ts';
import { type Io, loadTables, type Tool, ToolError, type Tools, withStore } from './tool.ts';

const transactionTool = (mode: 'read' | 'write', does: string): Tool => ({
  args: 'FILE TRANSACTION',
  does,
  run: ([file = '', text = ''], io) => {
    const params = parseTransaction(text);
    io.out(`${canonicalText(run(file, mode, params, io))}\n`);
  },
});

export const transactionTools: Tools = {
  query: transactionTool('read', 'print the results of a transaction, whose changes go nowhere; --rbac-role=ROLE'),
  transact: transactionTool('write', 'execute a transaction, and print its results; --rbac-role=ROLE'),
};

/** The results; an error of the protocol if there are none. */
function run(file: string, mode: 'read' | 'write', params: Json, io: Io): Json {
  return withStore(file, mode, (store) => {
    const environment = loadTables(store, io);
    if (!isArray(params) || params[0] !== store.schema.name) {
      return syntaxError(params, 'database name expected as first parameter').toJson();
    }
    const access = RoleAccess.of(environment.tables, io.role, undefined);
    const outcome = execute(environment, params.slice(1), { access, ownsLock: () => false, mayWait: false }, 0);
    // It may not.
    if (outcome.kind === 'wait') return null;
    const { changes, comments, results } = outcome;
    if (mode === 'write' && arePersistent(changes)) {
      store.append(environment.loaded.sequence, [{ id: newUuid(), changes, comments }], true);
    }
    return parseExactJson(wholeText(results));
  });
}

function parseTransaction(text: string): Json {
  try {
    return parseExactJson(text);
  } catch (error) {
    throw new ToolError(`"${text}": ${error instanceof Error ? error.message : error}`);
  }
}
