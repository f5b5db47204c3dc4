/** The canonical text of actions: parsing it gives the same trees. */
import type { Endpoint, LflowAction, NamedOption, Pipeline } from './action-ast.ts';
import { unreachable } from './ast.ts';
import { formatNumber, type Value } from './number.ts';
import { printConstant, printField } from './print-match.ts';

/** The logical table that actions are in. */
export interface PrintPlace {
  readonly pipeline: Pipeline;
  readonly table: number;
}

/**
 * Prints actions as ovn-trace(8) does; none are `drop;`. With a place, what `next` leaves out or says without need is as it is from there; without one,
 * it is as written.
 */
export function printActions(actions: readonly LflowAction[], place?: PrintPlace): string {
  return actions.length === 0 ? 'drop;' : printAll(actions, place);
}

function printAll(actions: readonly LflowAction[], place: PrintPlace | undefined): string {
  return actions.map((action) => printAction(action, place)).join(' ');
}

function printNext(action: LflowAction & { readonly kind: 'next' }, place: PrintPlace | undefined): string {
  let { pipeline, table } = action;
  if (place !== undefined) {
    pipeline ??= place.pipeline;
    table ??= place.table + 1;
    if (pipeline === place.pipeline) {
      pipeline = undefined;
      if (table === place.table + 1) table = undefined;
    }
  }
  if (pipeline !== undefined) return `next(pipeline=${pipeline}${table === undefined ? '' : `, table=${table}`});`;
  return table === undefined ? 'next;' : `next(${table});`;
}

/** The older form of ct_commit takes constants for two fields only. */
function printCommitList(actions: readonly LflowAction[]): string {
  const parts = actions.flatMap((action) => {
    if (action.kind !== 'load' || action.value.kind !== 'integer') return [];
    const { dst, value } = action;
    const hex = (number: Value): string => (BigInt(number) === 0n ? '0' : `0x${number.toString(16)}`);
    if (value.mask === undefined) return [`${dst.symbol.name}=${hex(value.value)}`];
    // A value is written in its mask's notation, and a mask is never 0.
    return [`${dst.symbol.name}=0x${value.value.toString(16)}/${hex(value.mask)}`];
  });
  return parts.length === 0 ? 'ct_commit;' : `ct_commit(${parts.join(', ')});`;
}

function printAction(action: LflowAction, place: PrintPlace | undefined): string {
  switch (action.kind) {
    case 'output':
    case 'ct_next':
    case 'ct_clear':
    case 'ct_commit_nat':
    case 'ct_snat_to_vip':
    case 'igmp':
    case 'handle_dhcpv6_reply':
      return `${action.kind};`;
    case 'next':
      return printNext(action, place);
    case 'decrement-ttl':
      return 'ip.ttl--;';
    case 'load':
      return `${printField(action.dst)} = ${printConstant(action.value)};`;
    case 'ovn-load':
      return `${action.dst.name} = ${action.value};`;
    case 'move':
      return `${printField(action.dst)} = ${printField(action.src)};`;
    case 'exchange':
      return `${printField(action.left)} <-> ${printField(action.right)};`;
    case 'push':
    case 'pop':
      return `${action.kind}(${printField(action.field)});`;
    case 'ct_commit':
      if (action.form === 'list') return printCommitList(action.actions);
      return action.actions.length === 0 ? 'ct_commit;' : `ct_commit { ${printAll(action.actions, place)} };`;
    case 'clone':
    case 'arp':
    case 'nd_ns':
    case 'nd_na':
    case 'nd_na_router':
    case 'icmp4':
    case 'icmp4_error':
    case 'icmp6':
    case 'icmp6_error':
    case 'tcp_reset':
    case 'sctp_abort':
    case 'reject':
      return `${action.kind} { ${printActions(action.actions, place)} };`;
    case 'ct_dnat':
    case 'ct_snat':
    case 'ct_dnat_in_czone':
    case 'ct_snat_in_czone': {
      if (action.ip === undefined) return `${action.kind};`;
      const { ports } = action;
      const range = ports === undefined ? '' : `,${ports.min}${ports.max === undefined ? '' : `-${ports.max}`}`;
      return `${action.kind}(${formatNumber(action.ip.address, action.ip.family)}${range});`;
    }
    case 'ct_lb':
    case 'ct_lb_mark': {
      if (action.backends.length === 0) return `${action.kind};`;
      const hash = action.hashFields === undefined ? '' : `; hash_fields=${JSON.stringify(action.hashFields)}`;
      const flag = action.flag === undefined ? '' : `; ${action.flag}`;
      return `${action.kind}(backends=${action.backends.map(printEndpoint).join(',')}${hash}${flag});`;
    }
    case 'select': {
      const members = action.members.map(({ id, weight }) => `${id}=${weight}`);
      return `${printField(action.dst)} = select(${members.join(', ')});`;
    }
    case 'get_arp':
    case 'get_nd':
      return `${action.kind}(${printField(action.port)}, ${printField(action.ip)});`;
    case 'put_arp':
    case 'put_nd':
      return `${action.kind}(${printField(action.port)}, ${printField(action.ip)}, ${printField(action.mac)});`;
    case 'lookup_arp':
    case 'lookup_arp_ip':
    case 'lookup_nd':
    case 'lookup_nd_ip': {
      const mac = action.mac === undefined ? '' : `, ${printField(action.mac)}`;
      return `${printField(action.dst)} = ${action.kind}(${printField(action.port)}, ${printField(action.ip)}${mac});`;
    }
    case 'get_fdb':
      return `${printField(action.dst)} = get_fdb(${printField(action.mac)});`;
    case 'put_fdb':
      return `put_fdb(${printField(action.port)}, ${printField(action.mac)});`;
    case 'lookup_fdb':
      return `${printField(action.dst)} = lookup_fdb(${printField(action.port)}, ${printField(action.mac)});`;
    case 'dns_lookup':
    case 'chk_lb_hairpin':
    case 'chk_lb_hairpin_reply':
    case 'check_in_port_sec':
    case 'check_out_port_sec':
    case 'chk_ecmp_nh_mac':
    case 'chk_ecmp_nh':
    case 'chk_lb_aff':
      return `${printField(action.dst)} = ${action.kind}();`;
    case 'check_pkt_larger':
      return `${printField(action.dst)} = check_pkt_larger(${action.length});`;
    case 'put_dhcp_opts':
    case 'put_dhcpv6_opts':
    case 'put_nd_ra_opts':
      return `${printField(action.dst)} = ${action.kind}(${action.options.map(printOption).join(', ')});`;
    case 'set_queue':
      return `set_queue(${action.queue});`;
    case 'set_meter':
      return `set_meter(${action.rate}${action.burst === undefined ? '' : `, ${action.burst}`});`;
    case 'log': {
      const parts = [
        ...(action.name === undefined ? [] : [`name=${JSON.stringify(action.name)}`]),
        `verdict=${action.verdict}`,
        `severity=${action.severity}`,
        ...(action.meter === undefined ? [] : [`meter=${JSON.stringify(action.meter)}`]),
      ];
      return `log(${parts.join(', ')});`;
    }
    case 'fwd_group': {
      const ports = action.childPorts.map((port) => JSON.stringify(port)).join(', ');
      return `fwd_group(${action.liveness ? 'liveness="true", ' : ''}childports=${ports});`;
    }
    case 'trigger_event':
      return `trigger_event(${['event = "empty_lb_backends"', ...action.options.map(printOption)].join(', ')});`;
    case 'bind_vport':
      return `bind_vport(${JSON.stringify(action.virtualPort)}, ${printField(action.port)});`;
    case 'handle_svc_check':
      return `handle_svc_check(${printField(action.port)});`;
    case 'handle_bfd_msg':
      return 'handle_bfd_msg();';
    case 'commit_ecmp_nh':
      return `commit_ecmp_nh(ipv6 = ${action.ipv6}, proto = ${action.protocol});`;
    case 'commit_lb_aff': {
      const proto = action.protocol === undefined ? '' : `, proto = ${action.protocol}`;
      const vip = JSON.stringify(printEndpoint(action.vip));
      const backend = JSON.stringify(printEndpoint(action.backend));
      return `commit_lb_aff(vip = ${vip}, backend = ${backend}${proto}, timeout = ${action.timeout});`;
    }
    case 'sample': {
      const point = action.obsPoint === 'cookie' ? '$cookie' : action.obsPoint;
      return `sample(probability=${action.probability},collector_set=${action.collectorSet},obs_domain=${action.obsDomain},obs_point=${point});`;
    }
    default:
      return unreachable(action);
  }
}

function printOption({ name, values }: NamedOption): string {
  const [first] = values;
  return `${name} = ${values.length === 1 && first !== undefined ? printConstant(first) : `{${values.map(printConstant).join(', ')}}`}`;
}

function printEndpoint({ family, address, port }: Endpoint): string {
  const text = formatNumber(address, family);
  if (port === undefined) return text;
  return family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
}
