/** `get-ssl`, `del-ssl`, `set-ssl`: the SSL configuration that the database server takes from the database. */
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command, Context, Reads } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import type { Transaction } from '../framework/transaction.ts';

/** @param root the table whose only row refers to the configuration */
export function sslCommands<D extends DatabaseSchema>(_schema: D, root: string): readonly Command<D>[] {
  const reads = {
    [root]: ['ssl'],
    SSL: ['private_key', 'certificate', 'ca_cert', 'bootstrap_ca_cert'],
  } as unknown as Reads<D>;
  const plain = (context: Context<D>) => context.tx as unknown as Transaction;
  /** Returns the row that referred to the configuration, if the line has not deleted it. */
  const remove = (tx: Transaction): string | undefined => {
    const global = tx.only(root)?._uuid;
    for (const row of tx.rows('SSL')) tx.delete('SSL', row._uuid);
    if (global !== undefined) tx.update(root, global, { ssl: undefined } as never);
    return global;
  };
  return [
    {
      name: 'get-ssl',
      args: '',
      reads,
      summary: 'prints the SSL configuration of the database server',
      examples: ['get-ssl'],
      run: (context) => {
        const row = plain(context).only('SSL') as unknown as Row | undefined;
        if (row === undefined) return;
        context.print(`Private key: ${row.private_key}`);
        context.print(`Certificate: ${row.certificate}`);
        context.print(`CA Certificate: ${row.ca_cert}`);
        context.print(`Bootstrap: ${row.bootstrap_ca_cert}`);
      },
    },
    {
      name: 'del-ssl',
      args: '',
      reads,
      summary: 'deletes the SSL configuration of the database server',
      examples: ['del-ssl'],
      run: (context) => {
        remove(plain(context));
      },
    },
    {
      name: 'set-ssl',
      args: 'PRIVATE-KEY CERTIFICATE CA-CERT [SSL-PROTOS [SSL-CIPHERS]]',
      options: ['--bootstrap'],
      reads,
      summary: 'sets the SSL configuration of the database server; the files are the server’s',
      examples: ['set-ssl /etc/weft/key.pem /etc/weft/cert.pem /etc/weft/ca.pem'],
      run: (context) => {
        const tx = plain(context);
        const [privateKey, certificate, caCert, protocols, ciphers] = context.args;
        const global = remove(tx);
        if (global === undefined) throw new CtlError(`${root}: the row is gone`);
        const ssl = tx.insert('SSL', {
          private_key: privateKey,
          certificate,
          ca_cert: caCert,
          bootstrap_ca_cert: context.options.has('--bootstrap'),
          ...(protocols === undefined ? {} : { ssl_protocols: protocols }),
          ...(ciphers === undefined ? {} : { ssl_ciphers: ciphers }),
        } as never);
        tx.update(root, global, { ssl } as never);
      },
    },
  ];
}
