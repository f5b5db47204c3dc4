/** The OVN_Southbound database, version 20.27.0: what each column means stands in ovn-sb(5). */
import {
  boolean,
  column,
  database,
  integer,
  map,
  oneOf,
  optional,
  type RowOf,
  ref,
  set,
  string,
  type TableName,
  table,
  uuid,
} from '@weft/ovsdb/schema';

export const sb = database(
  'OVN_Southbound',
  '20.27.0',
  {
    SB_Global: table(
      {
        nb_cfg: column(integer()),
        external_ids: map(string(), string()),
        connections: set(ref('Connection')),
        ssl: optional(ref('SSL')),
        options: map(string(), string()),
        ipsec: column(boolean()),
      },
      { isRoot: true, maxRows: 1 },
    ),
    Chassis: table(
      {
        name: column(string()),
        hostname: column(string()),
        encaps: set(ref('Encap'), { min: 1 }),
        vtep_logical_switches: set(string()),
        nb_cfg: column(integer()),
        external_ids: map(string(), string()),
        other_config: map(string(), string()),
        transport_zones: set(string()),
      },
      { isRoot: true, indexes: [['name']] },
    ),
    Chassis_Private: table(
      {
        name: column(string()),
        chassis: optional(ref('Chassis', 'weak')),
        nb_cfg: column(integer()),
        nb_cfg_timestamp: column(integer()),
        external_ids: map(string(), string()),
      },
      { isRoot: true, indexes: [['name']] },
    ),
    Encap: table(
      {
        type: column(oneOf('geneve', 'stt', 'vxlan')),
        options: map(string(), string()),
        ip: column(string()),
        chassis_name: column(string()),
      },
      { indexes: [['type', 'ip']] },
    ),
    Address_Set: table(
      {
        name: column(string()),
        addresses: set(string()),
      },
      { isRoot: true, indexes: [['name']] },
    ),
    Port_Group: table(
      {
        name: column(string()),
        ports: set(string()),
      },
      { isRoot: true, indexes: [['name']] },
    ),
    Logical_Flow: table(
      {
        logical_datapath: optional(ref('Datapath_Binding')),
        logical_dp_group: optional(ref('Logical_DP_Group')),
        pipeline: column(oneOf('ingress', 'egress')),
        table_id: column(integer({ min: 0, max: 32 })),
        priority: column(integer({ min: 0, max: 65535 })),
        match: column(string()),
        actions: column(string()),
        tags: map(string(), string()),
        controller_meter: optional(string()),
        external_ids: map(string(), string()),
      },
      { isRoot: true },
    ),
    Logical_DP_Group: table({
      datapaths: set(ref('Datapath_Binding', 'weak')),
    }),
    Multicast_Group: table(
      {
        datapath: column(ref('Datapath_Binding')),
        name: column(string()),
        tunnel_key: column(integer({ min: 32768, max: 65535 })),
        ports: set(ref('Port_Binding', 'weak')),
      },
      {
        isRoot: true,
        indexes: [
          ['datapath', 'tunnel_key'],
          ['datapath', 'name'],
        ],
      },
    ),
    Mirror: table(
      {
        name: column(string()),
        filter: column(oneOf('from-lport', 'to-lport')),
        sink: column(string()),
        type: column(oneOf('gre', 'erspan')),
        index: column(integer()),
        external_ids: map(string(), string()),
      },
      { isRoot: true, indexes: [['name']] },
    ),
    Meter: table(
      {
        name: column(string()),
        unit: column(oneOf('kbps', 'pktps')),
        bands: set(ref('Meter_Band'), { min: 1 }),
      },
      { isRoot: true, indexes: [['name']] },
    ),
    Meter_Band: table({
      action: column(oneOf('drop')),
      rate: column(integer({ min: 1, max: 4294967295 })),
      burst_size: column(integer({ min: 0, max: 4294967295 })),
    }),
    Datapath_Binding: table(
      {
        tunnel_key: column(integer({ min: 1, max: 16777215 })),
        load_balancers: set(uuid()),
        external_ids: map(string(), string()),
      },
      { isRoot: true, indexes: [['tunnel_key']] },
    ),
    Port_Binding: table(
      {
        logical_port: column(string()),
        type: column(string()),
        gateway_chassis: set(ref('Gateway_Chassis')),
        ha_chassis_group: optional(ref('HA_Chassis_Group')),
        options: map(string(), string()),
        datapath: column(ref('Datapath_Binding')),
        tunnel_key: column(integer({ min: 1, max: 32767 })),
        parent_port: optional(string()),
        tag: optional(integer({ min: 1, max: 4095 })),
        virtual_parent: optional(string()),
        chassis: optional(ref('Chassis', 'weak')),
        additional_chassis: set(ref('Chassis', 'weak')),
        encap: optional(ref('Encap', 'weak')),
        additional_encap: set(ref('Encap', 'weak')),
        mirror_rules: set(ref('Mirror', 'weak')),
        mac: set(string()),
        port_security: set(string()),
        nat_addresses: set(string()),
        up: optional(boolean()),
        external_ids: map(string(), string()),
        requested_chassis: optional(ref('Chassis', 'weak')),
        requested_additional_chassis: set(ref('Chassis', 'weak')),
      },
      { isRoot: true, indexes: [['datapath', 'tunnel_key'], ['logical_port']] },
    ),
    MAC_Binding: table(
      {
        logical_port: column(string()),
        ip: column(string()),
        mac: column(string()),
        timestamp: column(integer()),
        datapath: column(ref('Datapath_Binding')),
      },
      { isRoot: true, indexes: [['logical_port', 'ip']] },
    ),
    DHCP_Options: table(
      {
        name: column(string()),
        code: column(integer({ min: 0, max: 254 })),
        type: column(oneOf('bool', 'uint8', 'uint16', 'uint32', 'ipv4', 'static_routes', 'str', 'host_id', 'domains')),
      },
      { isRoot: true },
    ),
    DHCPv6_Options: table(
      {
        name: column(string()),
        code: column(integer({ min: 0, max: 254 })),
        type: column(oneOf('ipv6', 'str', 'mac')),
      },
      { isRoot: true },
    ),
    Connection: table(
      {
        target: column(string()),
        max_backoff: optional(integer({ min: 1000 })),
        inactivity_probe: optional(integer()),
        read_only: column(boolean()),
        role: column(string()),
        other_config: map(string(), string()),
        external_ids: map(string(), string()),
        is_connected: column(boolean(), { ephemeral: true }),
        status: map(string(), string(), { ephemeral: true }),
      },
      { indexes: [['target']] },
    ),
    SSL: table(
      {
        private_key: column(string()),
        certificate: column(string()),
        ca_cert: column(string()),
        bootstrap_ca_cert: column(boolean()),
        ssl_protocols: column(string()),
        ssl_ciphers: column(string()),
        external_ids: map(string(), string()),
      },
      { maxRows: 1 },
    ),
    DNS: table(
      {
        records: map(string(), string()),
        datapaths: set(ref('Datapath_Binding'), { min: 1 }),
        external_ids: map(string(), string()),
      },
      { isRoot: true },
    ),
    RBAC_Role: table(
      {
        name: column(string()),
        permissions: map(string(), ref('RBAC_Permission', 'weak')),
      },
      { isRoot: true },
    ),
    RBAC_Permission: table(
      {
        table: column(string()),
        authorization: set(string()),
        insert_delete: column(boolean()),
        update: set(string()),
      },
      { isRoot: true },
    ),
    Gateway_Chassis: table(
      {
        name: column(string()),
        chassis: optional(ref('Chassis', 'weak')),
        priority: column(integer({ min: 0, max: 32767 })),
        external_ids: map(string(), string()),
        options: map(string(), string()),
      },
      { indexes: [['name']] },
    ),
    HA_Chassis: table({
      chassis: optional(ref('Chassis', 'weak')),
      priority: column(integer({ min: 0, max: 32767 })),
      external_ids: map(string(), string()),
    }),
    HA_Chassis_Group: table(
      {
        name: column(string()),
        ha_chassis: set(ref('HA_Chassis')),
        ref_chassis: set(ref('Chassis', 'weak')),
        external_ids: map(string(), string()),
      },
      { isRoot: true, indexes: [['name']] },
    ),
    Controller_Event: table(
      {
        event_type: column(oneOf('empty_lb_backends')),
        event_info: map(string(), string()),
        chassis: optional(ref('Chassis', 'weak')),
        seq_num: column(integer()),
      },
      { isRoot: true },
    ),
    IP_Multicast: table(
      {
        datapath: column(ref('Datapath_Binding', 'weak')),
        enabled: optional(boolean()),
        querier: optional(boolean()),
        eth_src: column(string()),
        ip4_src: column(string()),
        ip6_src: column(string()),
        table_size: optional(integer()),
        idle_timeout: optional(integer()),
        query_interval: optional(integer()),
        query_max_resp: optional(integer()),
        seq_no: column(integer()),
      },
      { isRoot: true, indexes: [['datapath']] },
    ),
    IGMP_Group: table(
      {
        address: column(string()),
        datapath: optional(ref('Datapath_Binding', 'weak')),
        chassis: optional(ref('Chassis', 'weak')),
        ports: set(ref('Port_Binding', 'weak')),
      },
      { isRoot: true, indexes: [['address', 'datapath', 'chassis']] },
    ),
    Service_Monitor: table(
      {
        ip: column(string()),
        protocol: optional(oneOf('tcp', 'udp')),
        port: column(integer({ min: 0, max: 65535 })),
        logical_port: column(string()),
        src_mac: column(string()),
        src_ip: column(string()),
        status: optional(oneOf('online', 'offline', 'error')),
        options: map(string(), string()),
        external_ids: map(string(), string()),
      },
      { isRoot: true, indexes: [['logical_port', 'ip', 'port', 'protocol']] },
    ),
    Load_Balancer: table(
      {
        name: column(string()),
        vips: map(string(), string()),
        protocol: optional(oneOf('tcp', 'udp', 'sctp')),
        datapaths: set(ref('Datapath_Binding')),
        datapath_group: optional(ref('Logical_DP_Group')),
        options: map(string(), string()),
        external_ids: map(string(), string()),
      },
      { isRoot: true },
    ),
    BFD: table(
      {
        src_port: column(integer({ min: 49152, max: 65535 })),
        disc: column(integer()),
        logical_port: column(string()),
        dst_ip: column(string()),
        min_tx: column(integer()),
        min_rx: column(integer()),
        detect_mult: column(integer()),
        status: column(oneOf('down', 'init', 'up', 'admin_down')),
        external_ids: map(string(), string()),
        options: map(string(), string()),
      },
      { isRoot: true, indexes: [['logical_port', 'dst_ip', 'src_port', 'disc']] },
    ),
    FDB: table(
      {
        mac: column(string()),
        dp_key: column(integer({ min: 1, max: 16777215 })),
        port_key: column(integer({ min: 1, max: 16777215 })),
      },
      { isRoot: true, indexes: [['mac', 'dp_key']] },
    ),
    Static_MAC_Binding: table(
      {
        logical_port: column(string()),
        ip: column(string()),
        mac: column(string()),
        override_dynamic_mac: column(boolean()),
        datapath: column(ref('Datapath_Binding')),
      },
      { isRoot: true, indexes: [['logical_port', 'ip']] },
    ),
    Chassis_Template_Var: table(
      {
        chassis: column(string()),
        variables: map(string(), string()),
      },
      { isRoot: true, indexes: [['chassis']] },
    ),
  },
  { cksum: '4078371916 30328' },
);

export type SbTable = TableName<typeof sb>;

/** A row of a table of this database. */
export type SbRow<T extends SbTable> = RowOf<typeof sb, T>;
