"""
The northbound and southbound backends of ovsdbapp, the library through which OpenStack drives OVN, on one server. Prints what comes back, without uuids.
"""

import json
import logging
import re
import socket
import sys
import threading
import time

from ovsdbapp import event
from ovsdbapp.backend.ovs_idl import connection
from ovsdbapp.backend.ovs_idl import event as row_event
from ovsdbapp.schema.ovn_northbound import impl_idl as northbound
from ovsdbapp.schema.ovn_southbound import impl_idl as southbound

logging.disable(logging.CRITICAL)
path = sys.argv[1]
uuids = re.compile(r"[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}")


def plain(value):
    """In one order, however sets and maps come."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple, set)):
        return sorted((plain(each) for each in value), key=str)
    if hasattr(value, "_table"):
        return {name: plain(getattr(value, name)) for name in sorted(value._table.columns)}
    return value


def show(what, *values):
    text = " ".join([what, *(str(plain(value)) for value in values)])
    # Which of two rows is the first is up to the server.
    print(re.sub(r"First row.*", "two rows", uuids.sub("uuid", text)), flush=True)


def connect(schema):
    idl = connection.OvsdbIdl.from_server("unix:" + path, schema)
    handler = event.RowEventHandler()
    idl.notify = lambda kind, row, updates=None: handler.notify(kind, row, updates)
    return connection.Connection(idl, 10), handler


def run(api, name, *args, **kwargs):
    try:
        show(name, getattr(api, name)(*args, **kwargs).execute(check_error=True))
    except Exception as error:
        show(name, type(error).__name__, str(error))


link, handler = connect("OVN_Northbound")
nb = northbound.OvnNbApiIdlImpl(link)
seen = []


class Watch(row_event.RowEvent):
    event_name = "Watch"

    def match_fn(self, kind, row, old):
        seen.append((kind, row._table.name, str(getattr(row, "name", ""))))
        return False

    def run(self, kind, row, old):
        pass


handler.watch_events([Watch(("create", "update", "delete"), table, None) for table in ("Logical_Switch", "Port_Group")])

calls = [
    ("ls_add", "s1"), ("ls_add", "s1"), ("ls_add", "s2", False, ("other_config", {"subnet": "10.0.0.0/24"})),
    ("lsp_add", "s1", "p1"), ("lsp_add", "s1", "p2", "p1", 7), ("lsp_add", "s2", "p1"),
    ("lsp_set_addresses", "p1", ["00:00:00:00:00:01 10.0.0.1", "unknown"]), ("lsp_get_addresses", "p1"),
    ("lsp_set_enabled", "p1", False), ("lsp_get", "p1"), ("lsp_get_parent", "p2"),
    ("acl_add", "s1", "to-lport", 100, "ip4", "allow"), ("acl_add", "s1", "to-lport", 100, "ip4", "allow"),
    ("acl_list", "s1"), ("pg_add", "g1"), ("pg_add", "g1"), ("pg_add_ports", "g1", []), ("pg_get", "g1"),
    ("address_set_add", "a1", ["10.0.0.1", "10.0.0.2"]), ("address_set_add_addresses", "a1", ["10.0.0.3"]),
    ("address_set_remove_addresses", "a1", ["10.0.0.2"]), ("address_set_get", "a1"),
    ("qos_add", "s1", "from-lport", 10, "ip4", 1000, 10, 10), ("qos_add", "s1", "from-lport", 11, "ip4", None, None, 64),
    ("lr_add", "r1"), ("lrp_add", "r1", "rp", "00:00:00:00:01:00", ["10.0.0.254/24"]), ("lrp_get", "rp"),
    ("lr_route_add", "r1", "10.9.0.0/16", "10.0.0.2"), ("lr_route_list", "r1"), ("lr_nat_add", "r1", "snat", "1.2.3.4", "10.0.0.0/24"),
    ("lr_nat_list", "r1"), ("lb_add", "lb1", "1.1.1.1:80", ["10.0.0.1:80"]), ("ls_lb_add", "s1", "lb1"), ("lb_get", "lb1"),
    ("db_set", "Logical_Switch", "s2", ("external_ids", {"x": "1", "y": "2"})),
    ("db_remove", "Logical_Switch", "s2", "external_ids", "x"), ("db_get", "Logical_Switch", "s2", "external_ids"),
    ("db_clear", "Logical_Switch", "s2", "other_config"), ("db_list", "Logical_Switch", ["s1", "s2"], ["name", "other_config"]),
    ("db_find", "Logical_Switch", ("external_ids", "=", {"y": "2"})), ("db_create", "Address_Set"),
    ("db_destroy", "Address_Set", "a1"), ("ls_del", "s2"), ("ls_del", "s2"), ("lsp_list", "s1"),
]
for name, *rest in calls:
    if rest and isinstance(rest[-1], tuple) and name == "ls_add":
        run(nb, name, *rest[:-1], **dict([rest[-1]]))
    else:
        run(nb, name, *rest)

# All of a transaction, or nothing of it.
for bad in (False, True):
    try:
        with nb.transaction(check_error=True) as txn:
            txn.add(nb.ls_add(f"whole{bad}"))
            for n in range(200):
                txn.add(nb.lsp_add(f"whole{bad}", f"port{bad}{n}"))
            if bad:
                txn.add(nb.db_create("Port_Group", name="g1"))
    except Exception as error:
        show("transaction", str(error))
show("switches", [row.name for row in nb.ls_list().execute(check_error=True)])


# Two writers of one row, whose changes are tried again when the other was faster.
def count(api, name):
    for n in range(20):
        api.db_set("Logical_Switch", "s1", ("external_ids", {name: str(n)})).execute(check_error=True)


class Second(northbound.OvnNbApiIdlImpl):
    _ovsdb_connection = None


other = Second(connect("OVN_Northbound")[0])
writers = [threading.Thread(target=count, args=each) for each in ((nb, "first"), (other, "second"))]
for writer in writers:
    writer.start()
for writer in writers:
    writer.join()
show("events", {each for each in seen if each[0] != "update"})

# The southbound backend files IP_Multicast by datapath, which comes in the same transaction, in whatever order.
link, handler = connect("OVN_Southbound")
sb = southbound.OvnSbApiIdlImpl(link)
raw = socket.socket(socket.AF_UNIX)
raw.connect(path)
for n in range(1, 9):
    references = {"datapath": ["named-uuid", "d"]}
    operations = [
        {"op": "insert", "table": "Multicast_Group", "row": {**references, "name": "flood", "tunnel_key": 32768}},
        {"op": "insert", "table": "IP_Multicast", "row": references},
        {"op": "insert", "table": "Port_Binding", "row": {**references, "logical_port": f"p{n}", "tunnel_key": 1}},
        {"op": "insert", "table": "Datapath_Binding", "uuid-name": "d", "row": {"tunnel_key": n}},
        {
            "op": "insert",
            "table": "Logical_Flow",
            "row": {"logical_datapath": ["named-uuid", "d"], "pipeline": "ingress", "table_id": 0, "priority": 1},
        },
    ]
    chosen = operations[n % 5 :] + operations[: n % 5]
    raw.sendall(json.dumps({"id": n, "method": "transact", "params": ["OVN_Southbound", *chosen]}).encode())
    while f'"id":{n}' not in raw.recv(1 << 16).decode():
        pass
    run(sb, "chassis_add", f"c{n}", ["geneve"], f"10.0.0.{n}")
run(sb, "chassis_del", "c1")
show("southbound", [len(sb.tables[table].rows) for table in ("IP_Multicast", "Datapath_Binding", "Port_Binding", "Chassis")])
