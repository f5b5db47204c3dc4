/** NAT rules that make sense, and what others need to know of the rules of a router. */
import type { Relation } from '@weft/incremental/relation';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import type { Model } from '../model.ts';
import { type Ip, parseIp, parseMac } from '../net.ts';
import type { Router } from './router.ts';
import type { RouterPort } from './router-port.ts';

/** What a NAT row says. */
export interface ParsedNat {
  /** Packets to the external address are sent to the logical one. */
  readonly dnat: boolean;
  /** Packets from the logical address, or network, leave with the external one. */
  readonly snat: boolean;
  readonly external: Ip;
  readonly logical: Ip;
  /** Ports that translated connections may use, as `FIRST[-LAST]`; empty for any. */
  readonly ports: string;
  /** Addresses are rewritten in every packet, without conntrack. */
  readonly stateless: boolean;
  /** Where the rule is applied if not on the gateway's chassis: on the chassis of this port, with this Ethernet address. */
  readonly distributed: { readonly port: string; readonly mac: string } | undefined;
}

/** A NAT rule of a router that is enabled. */
export class Nat {
  readonly model: Model;
  readonly row: NbRow<'NAT'>;
  readonly lr: Router;
  readonly parsed: ParsedNat;

  constructor(model: Model, row: NbRow<'NAT'>, lr: Router, parsed: ParsedNat) {
    this.model = model;
    this.row = row;
    this.lr = lr;
    this.parsed = parsed;
  }

  /** The distributed gateway port that the rule is for: the named one, else the only one there is. */
  get gateway(): RouterPort | undefined {
    const gateways = this.model.routerPortSets.gateways(this.lr.uuid);
    const named = this.row.gateway_port;
    return named === undefined ? gateways[0] : gateways.find(({ uuid }) => uuid === named);
  }

  /** Undefined if the rule is for all external addresses. One that has both is for none: {@link isContradictory}. */
  get externalSet(): ExternalSet | undefined {
    const { allowed_ext_ips: allowed, exempted_ext_ips: exempted } = this.row;
    const set = this.model.nb.Address_Set.get(allowed ?? exempted ?? '');
    return set && { name: set.name, kind: allowed === undefined ? 'exempted' : 'allowed' };
  }

  /** It has both kinds of sets, which ovn-nb(5) forbids. */
  get isContradictory(): boolean {
    return this.row.allowed_ext_ips !== undefined && this.row.exempted_ext_ips !== undefined;
  }
}

/** The external addresses that a rule holds for, or for which it does not. */
export interface ExternalSet {
  /** Its Address_Set. */
  readonly name: string;
  readonly kind: 'allowed' | 'exempted';
}

export class Nats {
  readonly #model: Model;
  readonly #parsed: (row: NbRow<'NAT'>) => ParsedNat | undefined;
  /** Router → its rules. */
  readonly #ofRouter: Relation<Uuid, Uuid>;
  /** `ROUTER ADDRESS` → rules of type snat that give packets this source. */
  readonly #bySource: Relation<string, Uuid>;
  /** Router → Ethernet addresses of its distributed rules. */
  readonly #macs: Relation<Uuid, string>;
  /** Router → its stateless rules that hold for some external addresses only. */
  readonly #restricted: Relation<Uuid, Uuid>;
  readonly #hasAny: (lr: Uuid) => boolean;

  constructor(model: Model) {
    this.#model = model;
    const { rt, nb } = model;
    const routerOfNat = nb.Logical_Router.index('router of NAT', ['nat'], (lr) => lr.nat);
    this.routerOf = (nat) => routerOfNat.one(nat);
    this.#parsed = rt.memo('NAT rule', (row: NbRow<'NAT'>) => parseNat(row, model.problem));
    const contribute =
      <K, M extends string>(of: (lr: Uuid, nat: ParsedNat, uuid: Uuid) => readonly (readonly [K, M])[]) =>
      (row: NbRow<'NAT'>) => {
        const lr = routerOfNat.one(row._uuid);
        const nat = lr && this.#parsed(row);
        return lr === undefined || nat === undefined ? [] : of(lr._uuid, nat, row._uuid);
      };
    this.#ofRouter = rt.relation(
      'NAT rules of routers',
      nb.NAT,
      contribute((lr, _nat, uuid) => [[lr, uuid] as const]),
    );
    this.#bySource = rt.relation(
      'NAT rules by source',
      nb.NAT,
      contribute((lr, nat, uuid) => (nat.snat && !nat.dnat ? [[`${lr} ${nat.external.text}`, uuid] as const] : [])),
    );
    this.#macs = rt.relation(
      'Ethernet addresses of NAT',
      nb.NAT,
      contribute((lr, nat) => (nat.distributed === undefined ? [] : [[lr, nat.distributed.mac] as const])),
    );
    this.#restricted = rt.relation(
      'stateless NAT rules for some addresses',
      nb.NAT,
      contribute((lr, nat, uuid) =>
        nat.stateless && nb.NAT.get(uuid)?.allowed_ext_ips !== undefined ? [[lr, uuid] as const] : [],
      ),
    );
    this.#hasAny = rt.memo('router has NAT', (lr: Uuid) => this.#ofRouter.get(lr).length > 0);
  }

  /** The router that a rule is in. */
  readonly routerOf: (nat: Uuid) => NbRow<'Logical_Router'> | undefined;

  /** The rule, or undefined if it makes no sense (which is reported) or its router is disabled. */
  nat(row: NbRow<'NAT'>): Nat | undefined {
    const lrRow = this.routerOf(row._uuid);
    const lr = lrRow && this.#model.router(lrRow);
    const parsed = lr && this.#parsed(row);
    return lr === undefined || parsed === undefined ? undefined : new Nat(this.#model, row, lr, parsed);
  }

  /** The rules of a router. The reader runs again when one comes or goes. */
  of(lr: Uuid): readonly Nat[] {
    return this.#ofRouter.get(lr).flatMap((uuid) => {
      const row = this.#model.nb.NAT.get(uuid);
      const nat = row && this.nat(row);
      return nat === undefined ? [] : [nat];
    });
  }

  hasAny(lr: Uuid): boolean {
    return this.#hasAny(lr);
  }

  /** Whether a rule of type snat gives packets this source, so that packets to it may be replies. */
  isSource(lr: Uuid, ip: Ip): boolean {
    return this.#bySource.get(`${lr} ${ip.text}`).length > 0;
  }

  /** Whether the rule is the first of the router's stateless ones that hold for some external addresses only. */
  isFirstRestricted(lr: Uuid, nat: Uuid): boolean {
    return this.#restricted.get(lr)[0] === nat;
  }

  /** The Ethernet addresses that distributed rules of the router use, ascending. */
  macs(lr: Uuid): readonly string[] {
    return this.#macs.get(lr);
  }
}

function parseNat(row: NbRow<'NAT'>, problem: (message: string) => void): ParsedNat | undefined {
  const skip = (why: string): undefined => {
    problem(`NAT ${row.type} ${row.external_ip} ${row.logical_ip} (${row._uuid}) is skipped: ${why}`);
    return undefined;
  };
  const external = parseIp(row.external_ip);
  const logical = parseIp(row.logical_ip);
  if (external === undefined) return skip('external_ip is not an address');
  if (logical === undefined) return skip('logical_ip is neither an address nor a network');
  if (external.family !== logical.family) return skip('its addresses are of two families');
  if (row.allowed_ext_ips !== undefined && row.exempted_ext_ips !== undefined)
    problem(
      `NAT ${row.external_ip} ${row.logical_ip} (${row._uuid}): allowed_ext_ips and exempted_ext_ips exclude each other`,
    );
  const dnat = row.type === 'dnat' || row.type === 'dnat_and_snat';
  if (dnat && logical.plen !== (logical.family === 4 ? 32 : 128)) return skip('logical_ip is not a single address');
  const mac = row.type === 'dnat_and_snat' && row.external_mac !== undefined ? parseMac(row.external_mac) : undefined;
  const distributed = mac === undefined || row.logical_port === undefined ? undefined : { port: row.logical_port, mac };
  return {
    dnat,
    snat: row.type !== 'dnat',
    external,
    logical,
    ports: row.external_port_range,
    stateless: row.type === 'dnat_and_snat' && row.options.get('stateless') === 'true',
    distributed,
  };
}
