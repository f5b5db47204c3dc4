/** Random northbound histories as ovn-nbctl commands, from a seed. A command may be one that ovn-nbctl refuses: it refuses it on both sides. */

/** Mulberry32: a small generator whose sequence is a function of the seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function randomSteps(seed: number, count: number): readonly (readonly string[])[] {
  const random = generator(seed);
  const int = (n: number): number => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]): T => items[int(items.length)] as T;
  const some = <T>(items: readonly T[]): readonly T[] => items.filter(() => random() < 0.4);

  const ls = (): string => `ls${int(4)}`;
  const lr = (): string => `lr${int(3)}`;
  const lsp = (): string => `p${int(12)}`;
  const lrp = (): string => `r${int(8)}`;
  const mac = (): string => `00:00:00:00:0${int(3)}:0${int(8)}`;
  const ip4 = (): string => `10.${int(2)}.${int(8)}.${1 + int(5)}`;
  const ip6 = (): string => `fd0${int(8)}::${1 + int(5)}`;
  // Router port rN is of router N modulo 3, has networks of its own, and is connected to by switch port p(N+4) only: which of several equal
  // ones is meant would be for each northd to choose. Only r6 and r7 are peers: C's northd aborts where a peer is connected to a switch, too.
  const networks = (port: number): string => {
    const all = [
      `10.0.${port}.1/24`,
      `10.1.${port}.${1 + int(3)}/24`,
      `fd0${port}::1/64`,
      `fd1${port}::1/48`,
      `11.0.${port}.0/31`,
    ];
    const chosen = some(all);
    return (chosen.length === 0 ? all.slice(0, 1) : chosen).join(' ');
  };
  const addresses = (): string =>
    pick([
      () => mac(),
      () => `"${mac()} ${ip4()}"`,
      () => `"${mac()} ${ip6()}"`,
      () => `"${mac()} ${ip4()} ${ip4()} ${ip6()}"`,
      () => `"${mac()} ${ip4()}" unknown`,
      () => 'unknown',
      () => 'router',
      () => '',
      () => `"${mac()} ${ip4()}" "${mac()} ${ip6()}"`,
      // As few people write it.
      () => 'dynamic',
      () => `"0A:0b:00:00:00:0${int(8)}  ${ip4()}/24 ${ip6().toUpperCase()}/64"`,
      () => `"${mac()} ${ip4()}/33 ${ip4()}"`,
    ])();
  const security = (): string =>
    pick([
      () => '',
      () => mac(),
      () => `"${mac()} ${ip4()}"`,
      () => `"${mac()} ${ip4()} ${ip6()}"`,
      () => `"${mac()} ${ip4()}/${pick([8, 24, 31])}"`,
      () => `${mac()} ${mac()}`,
    ])();
  const match = (): string =>
    pick(['ip4', 'tcp', 'ip6 && udp', `\\"${lsp()}\\" == inport`, `outport == @pg${int(3)}`, 'ip4.src == $as1']);

  const commands: readonly (readonly [weight: number, make: () => string])[] = [
    [3, () => `--may-exist ls-add ${ls()}`],
    [1, () => `--if-exists ls-del ${ls()}`],
    [2, () => `--may-exist lr-add ${lr()}`],
    [1, () => `--if-exists lr-del ${lr()}`],
    [8, () => `lsp-add ${ls()} ${lsp()}`],
    [2, () => `--if-exists lsp-del ${lsp()}`],
    [1, () => `lsp-add ${ls()} c${int(3)} ${lsp()} ${1 + int(20)}`],
    [1, () => `--if-exists lsp-del c${int(3)}`],
    [8, () => `lsp-set-addresses ${lsp()} ${addresses()}`],
    [4, () => `lsp-set-port-security ${lsp()} ${security()}`],
    [2, () => `lsp-set-enabled ${lsp()} ${pick(['enabled', 'disabled'])}`],
    [
      1,
      () => `lsp-set-type ${lsp()} ${pick(['""', '""', 'localnet', 'localport', 'router', 'external', 'l2gateway'])}`,
    ],
    [2, () => `lsp-set-options ${lsp()} ${pick(['network_name=phys', 'requested-chassis=hv1'])}`],
    [
      8,
      () => {
        const i = int(8);
        return `lrp-add lr${i % 3} r${i} ${mac()} ${networks(i)}`;
      },
    ],
    [1, () => `--if-exists lrp-del ${lrp()}`],
    [2, () => `lrp-set-enabled ${lrp()} ${pick(['enabled', 'disabled'])}`],
    [1, () => pick(['set Logical_Router_Port r6 peer=r7', 'set Logical_Router_Port r7 peer=r6'])],
    [1, () => pick(['clear Logical_Router_Port r6 peer', 'clear Logical_Router_Port r7 peer'])],
    [
      8,
      () => {
        const i = int(6);
        const port = `p${i + 4}`;
        return `lsp-set-type ${port} router -- lsp-set-options ${port} router-port=r${i} -- lsp-set-addresses ${port} ${pick(['router', mac()])}`;
      },
    ],
    [1, () => `set Logical_Router ${lr()} enabled=${pick(['true', 'false', 'true'])}`],
    [
      1,
      () =>
        `set Logical_Router ${lr()} options:${pick(['always_learn_from_arp_request', 'dynamic_neigh_routers'])}=${pick(['true', 'false'])}`,
    ],
    [4, () => `--may-exist lr-route-add ${lr()} 10.${int(3)}.${int(3)}.0/24 ${ip4()}`],
    [
      2,
      () => {
        const i = int(8);
        return `--may-exist lr-route-add lr${i % 3} 10.${int(3)}.0.0/16 ${ip4()} r${i}`;
      },
    ],
    [2, () => `--policy=src-ip lr-route-add ${lr()} 10.${int(3)}.0.0/16 ${ip4()}`],
    [2, () => `lr-route-add ${lr()} fd9${int(3)}::/32 ${ip6()}`],
    [
      1,
      () =>
        `--id=@r create Logical_Router_Static_Route ip_prefix="fd8${int(3)}::1/64" nexthop="${ip6().toUpperCase()}" route_table=${pick(['""', 't1'])} -- add Logical_Router ${lr()} static_routes @r`,
    ],
    [1, () => `lr-route-add ${lr()} 172.16.${int(3)}.0/24 discard`],
    [1, () => `--ecmp lr-route-add ${lr()} 10.${int(2)}.9.0/24 ${ip4()}`],
    [1, () => `--if-exists lr-route-del ${lr()} 10.${int(3)}.0.0/16`],
    [1, () => `set Logical_Switch ${ls()} other_config:vlan-passthru=${pick(['true', 'false', 'TRUE'])}`],
    [1, () => `pg-add pg${int(3)}`],
    [2, () => `pg-set-ports pg${int(3)} ${[lsp(), ...some([lsp(), lsp()])].join(' ')}`],
    [1, () => `pg-del pg${int(3)}`],
    [1, () => `set Address_Set as1 addresses="${ip4()}","${ip4()}"`],
    [1, () => `create Address_Set name=as${int(2)} addresses="${ip4()}"`],
    [
      2,
      () =>
        `acl-add ${pick([ls(), `pg${int(3)}`])} ${pick(['from-lport', 'to-lport'])} ${100 + int(3)} "${match()}" ${pick(['allow', 'allow-related', 'drop', 'reject', 'allow-stateless'])}`,
    ],
    [1, () => `acl-del ${pick([ls(), `pg${int(3)}`])}`],
    [
      1,
      () =>
        `set Logical_Router_Port ${lrp()} ipv6_ra_configs:address_mode=${pick(['slaac', 'dhcpv6_stateful'])} ipv6_ra_configs:send_periodic=${pick(['true', 'false'])}`,
    ],
    [1, () => `lrp-set-options ${lrp()} ${pick(['gateway_mtu=1400', ''])}`],
    [1, () => `set Logical_Switch_Port ${lsp()} external_ids:x=${int(5)}`],
    [1, () => `set Logical_Switch_Port ${lsp()} tag=${1 + int(3)}`],
    [1, () => `clear Logical_Switch_Port ${lsp()} tag`],
    [1, () => `set Logical_Switch_Port ${lsp()} parent_name=${lsp()}`],
    [1, () => `clear Logical_Switch_Port ${lsp()} parent_name`],
    [1, () => `set Logical_Switch_Port ${lsp()} name=${lsp()}`],
    [1, () => `set Logical_Switch_Port ${lsp()} external_ids:neutron\\:port_name=x${int(3)}`],
    [1, () => `set Logical_Switch ${ls()} external_ids:neutron\\:network_name=n${int(3)}`],
    [1, () => `set Logical_Switch ${ls()} name=${ls()}`],
    [1, () => `set Logical_Switch_Port ${lsp()} options:requested-tnl-key=${int(5)}`],
    [1, () => `remove Logical_Switch_Port ${lsp()} options requested-tnl-key`],
    [1, () => `set Logical_Router_Port ${lrp()} external_ids:y=${int(3)} options:requested-tnl-key=${int(6)}`],
    [
      1,
      () =>
        `lsp-set-type ${lsp()} virtual -- set Logical_Switch_Port ${lsp()} options:virtual-ip=${ip4()} options:virtual-parents=${lsp()}`,
    ],
    [1, () => `set Logical_Switch_Port ${lsp()} options:qos_max_rate=0`],
    [1, () => `set Logical_Switch_Port ${lsp()} options:mcast_flood_reports=${pick(['true', 'false'])}`],
    [1, () => `set Logical_Switch_Port ${lsp()} tag_request=0`],
    [
      1,
      () =>
        `set NB_Global . options:${pick(['ignore_lsp_down', 'default_acl_drop', 'use_logical_dp_groups'])}=${pick(['true', 'false'])}`,
    ],
    [
      1,
      () =>
        `lr-policy-add ${lr()} ${100 + int(3)} "ip4.src == ${ip4()}" ${pick(['allow', 'drop', `reroute ${ip4()}`])}`,
    ],
    [1, () => `lr-policy-del ${lr()}`],
    [
      1,
      () =>
        `--id=@d create DHCP_Options cidr=10.0.${int(3)}.0/24 options:server_id=10.0.0.254 options:server_mac="${mac()}" options:lease_time=60 -- set Logical_Switch_Port ${lsp()} dhcpv4_options=@d`,
    ],
    [1, () => `set Logical_Switch_Port ${lsp()} dhcpv4_options=[]`],
    [1, () => `--all destroy DHCP_Options`],
    [1, () => `set Logical_Router lr1 options:chassis=gw${int(2)}`],
    [1, () => 'remove Logical_Router lr1 options chassis'],
    [1, () => `lrp-set-gateway-chassis r${pick([0, 2])} gw${int(2)} ${1 + int(9)}`],
    [1, () => `lrp-del-gateway-chassis r${pick([0, 2])} gw${int(2)}`],
    [3, () => `lr-nat-add ${lr()} snat ${ip4()} 192.168.${int(3)}.0/24`],
    [2, () => `lr-nat-add ${lr()} dnat ${ip4()} 192.168.1.${int(5)}`],
    [2, () => `lr-nat-add ${lr()} dnat_and_snat ${ip6()} fd99::${1 + int(5)}`],
    [2, () => `lr-nat-add ${lr()} dnat_and_snat ${ip4()} 192.168.1.${int(5)}`],
    [1, () => `lr-nat-add ${lr()} dnat_and_snat ${ip4()} 192.168.1.${int(5)} ${lsp()} ${mac()}`],
    [1, () => `--stateless lr-nat-add ${lr()} dnat_and_snat ${ip4()} 192.168.1.${int(5)}`],
    [1, () => `--portrange lr-nat-add ${lr()} snat ${ip4()} 192.168.${int(3)}.0/24 ${pick(['80', '1000-2000'])}`],
    [2, () => `${pick(['', '--is-exempted '])}lr-nat-update-ext-ip ${lr()} snat 192.168.${int(3)}.0/24 as1`],
    [1, () => `lr-nat-del ${lr()} ${pick(['snat', 'dnat', 'dnat_and_snat'])}`],
    [
      2,
      () =>
        `qos-add ${ls()} ${pick(['from-lport', 'to-lport'])} ${int(5)} ip4 ${pick(['dscp=3', 'rate=100', 'rate=7 burst=9'])}`,
    ],
    [1, () => `qos-del ${ls()}`],
  ];
  const bag = commands.flatMap(([weight, make]) => Array<() => string>(weight).fill(make));
  // Something to work on, so that few commands are refused.
  const start = [
    ...[0, 1, 2, 3].map((i) => `ls-add ls${i}`),
    ...[0, 1, 2].map((i) => `lr-add lr${i}`),
    ...Array.from({ length: 12 }, (_, i) => `lsp-add ls${i % 4} p${i}`),
    ...Array.from(
      { length: 8 },
      (_, i) => `lrp-add lr${i % 3} r${i} 00:00:00:00:11:0${i} 10.0.${i}.1/24 fd0${i}::1/64`,
    ),
    ...[0, 1, 2].map((i) => `pg-add pg${i} p${i}`),
    'create Address_Set name=as1',
  ];
  // Mostly one command a transaction: a refused one takes the others of its transaction along.
  const step = (): string[] => Array.from({ length: random() < 0.8 ? 1 : 2 + int(3) }, () => pick(bag)());
  return [start, ...Array.from({ length: count }, step)];
}
