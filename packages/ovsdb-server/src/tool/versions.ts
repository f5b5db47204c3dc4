/** Commands that say what a schema or a database file is (ovsdb-tool(1), "Version Management Commands" and "Other Commands"). */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { type Tool, ToolError, type Tools, withStore } from './tool.ts';

type Fact = (schema: DatabaseSchema) => string;

const ofDatabase = (does: string, fact: Fact): Tool => ({
  args: 'FILE',
  does,
  run: ([file = ''], { out }) => withStore(file, 'read', ({ schema }) => out(`${fact(schema)}\n`)),
});

const ofSchema = (does: string, fact: Fact): Tool => ({
  args: 'SCHEMA',
  does,
  run: async ([name = ''], { out, schema }) => out(`${fact(await schema(name))}\n`),
});

export const versionTools: Tools = {
  'db-name': ofDatabase('print the name of the database in FILE', ({ name }) => name),
  'db-version': ofDatabase('print the version of its schema', ({ version }) => version),
  'db-cksum': ofDatabase('print the checksum of its schema', ({ cksum = '' }) => cksum),
  'schema-name': ofSchema('print the name of SCHEMA', ({ name }) => name),
  'schema-version': ofSchema('print its version', ({ version }) => version),
  'schema-cksum': ofSchema('print its checksum', ({ cksum = '' }) => cksum),
  'compare-versions': {
    args: 'A OP B',
    does: 'exit with 0 if A OP B, else with 2; OP is < <= == >= > or !=',
    run: ([a = '', operator = '', b = ''], { exit }) => {
      const order = compareVersions(parseVersion(a), parseVersion(b));
      const holds = operators[operator];
      if (holds === undefined) throw new ToolError(`${operator}: not a relational operator`);
      if (!holds(order)) exit(2);
    },
  },
  'db-is-standalone': {
    args: 'FILE',
    does: 'exit with 0 if FILE is a database, which is never a clustered one',
    run: ([file = '']) => withStore(file, 'read', () => {}),
  },
  'db-is-clustered': {
    args: 'FILE',
    does: 'exit with 2 if it is',
    run: ([file = ''], { exit }) => withStore(file, 'read', () => exit(2)),
  },
};

const operators: { readonly [name: string]: ((order: number) => boolean) | undefined } = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '==': (order) => order === 0,
  '>=': (order) => order >= 0,
  '>': (order) => order > 0,
  '!=': (order) => order !== 0,
};

function parseVersion(text: string): readonly bigint[] {
  if (!/^\d+\.\d+\.\d+$/.test(text)) throw new ToolError(`${text}: not an OVSDB version number in format x.y.z`);
  return text.split('.').map(BigInt);
}

function compareVersions(a: readonly bigint[], b: readonly bigint[]): number {
  const i = a.findIndex((part, at) => part !== b[at]);
  return i === -1 ? 0 : a[i]! < b[i]! ? -1 : 1;
}
