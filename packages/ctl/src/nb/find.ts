/** How commands name switches, routers and ports: by name or by whole uuid. */

import { compareStrings } from '@weft/ovsdb/atom';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { inNameOrder } from '../framework/replica-order.ts';
import type { NbTransaction } from './types.ts';

/** Named in messages as the C programs do. */
type Named =
  | 'Logical_Switch'
  | 'Logical_Router'
  | 'Logical_Switch_Port'
  | 'Logical_Router_Port'
  | 'Port_Group'
  | 'Load_Balancer';

function named<T extends Named>(tx: NbTransaction, table: T, text: string): readonly NbRow<T>[] {
  const byUuid = tx.get(table, parseUuid(text));
  return byUuid === undefined ? tx.holding(table, 'name' as never, text) : [byUuid];
}

function find<T extends Named>(tx: NbTransaction, table: T, text: string, several: string): NbRow<T> | undefined {
  const found = named(tx, table, text);
  if (found.length > 1) throw new CtlError(`Multiple ${several} named '${text}'.  Use a UUID.`);
  return found[0];
}

/** The logical switch of that name or uuid; undefined if there is none. @throws CtlError for a name that several have */
export function findSwitch(tx: NbTransaction, text: string): NbRow<'Logical_Switch'> | undefined {
  return find(tx, 'Logical_Switch', text, 'logical switches');
}

/** The logical switch of that name or uuid. @throws CtlError if there is none, or the name is of several */
export function needSwitch(tx: NbTransaction, text: string): NbRow<'Logical_Switch'> {
  return need(findSwitch(tx, text), notFound(text, 'switch'));
}

/** The logical router of that name or uuid; undefined if there is none. @throws CtlError for a name that several have */
export function findRouter(tx: NbTransaction, text: string): NbRow<'Logical_Router'> | undefined {
  return find(tx, 'Logical_Router', text, 'logical routers');
}

/** The logical router of that name or uuid. @throws CtlError if there is none, or the name is of several */
export function needRouter(tx: NbTransaction, text: string): NbRow<'Logical_Router'> {
  return need(findRouter(tx, text), notFound(text, 'router'));
}

/** Logical switch port. */
export function findPort(tx: NbTransaction, text: string): NbRow<'Logical_Switch_Port'> | undefined {
  return find(tx, 'Logical_Switch_Port', text, 'logical switch ports');
}

/** The logical switch port of that name or uuid. @throws CtlError if there is none, or the name is of several */
export function needPort(tx: NbTransaction, text: string): NbRow<'Logical_Switch_Port'> {
  return need(findPort(tx, text), notFound(text, 'port'));
}

/** The logical router port of that name or uuid; undefined if there is none. @throws CtlError for a name that several have */
export function findRouterPort(tx: NbTransaction, text: string): NbRow<'Logical_Router_Port'> | undefined {
  return find(tx, 'Logical_Router_Port', text, 'logical router ports');
}

/** The logical router port of that name or uuid. @throws CtlError if there is none, or the name is of several */
export function needRouterPort(tx: NbTransaction, text: string): NbRow<'Logical_Router_Port'> {
  return need(findRouterPort(tx, text), notFound(text, 'port'));
}

/** The port group of that name or uuid; undefined if there is none. Only one that is yet to be committed can have another's name, and either may be meant. */
export function findPortGroup(tx: NbTransaction, text: string): NbRow<'Port_Group'> | undefined {
  return named(tx, 'Port_Group', text)[0];
}

/** The load balancer of that name or uuid; undefined if there is none. @throws CtlError for a name that several have */
export function findLoadBalancer(tx: NbTransaction, text: string): NbRow<'Load_Balancer'> | undefined {
  return find(tx, 'Load_Balancer', text, 'load balancers');
}

/** The load balancer of that name or uuid. @throws CtlError if there is none, or the name is of several */
export function needLoadBalancer(tx: NbTransaction, text: string): NbRow<'Load_Balancer'> {
  return need(findLoadBalancer(tx, text), notFound(text, 'load balancer'));
}

/** The message for something that is not there, which says how it was named. */
export function notFound(text: string, what: string): string {
  return `${text}: ${what} ${parseUuid(text) === undefined ? 'name' : 'UUID'} not found`;
}

function need<R>(row: R | undefined, message: string): R {
  if (row === undefined) throw new CtlError(message);
  return row;
}

/** Rows as `uuid (name)` lines, ordered by name. */
export function listByName(rows: readonly { readonly _uuid: string; readonly name: string }[]): string[] {
  return inNameOrder(rows, (row) => row.name).map((row) => `${row._uuid} (${row.name})`);
}

/** `KEY=VALUE`s as pairs; what has no `=` is left out. */
export function keyValues(texts: readonly string[]): [string, string][] {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    const key = equals < 0 ? text : text.slice(0, equals);
    if (equals < 0) continue;
    const value = text.slice(equals + 1);
    const other = pairs.get(key);
    // Of two values the lesser stays.
    if (other === undefined || compareStrings(value, other) < 0) pairs.set(key, value);
  }
  return [...pairs];
}

/** `enabled` or `disabled` as the `enabled` columns hold it. */
export function parseState(text: string): boolean {
  const state = text.toLowerCase();
  if (state === 'enabled') return true;
  if (state === 'disabled') return false;
  throw new CtlError(`${text}: state must be "enabled" or "disabled"`);
}
