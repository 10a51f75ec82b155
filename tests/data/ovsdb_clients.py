#!/usr/bin/env python3
"""Uses a northbound database as CMSes do: through python's `ovs` and `ovsdbapp`.

Usage: ovsdb_clients.py REMOTE. Says "restart" when it wants the server restarted, waits for a line on standard input,
and says "ok" at the end; any failure is an exception.
"""
import sys
import threading
import time

import ovs.db.idl
import ovs.poller
from ovsdbapp.backend.ovs_idl import connection, event, idlutils
from ovsdbapp.schema.ovn_northbound import impl_idl

DATABASE = "OVN_Northbound"
TIMEOUT = 60


class Client:
    """A plain `Idl` that is run by hand."""

    def __init__(self, remote, tables):
        helper = idlutils.get_schema_helper(remote, DATABASE)
        for table in tables:
            helper.register_table(table)
        self.idl = ovs.db.idl.Idl(remote, helper)

    def until(self, what, condition):
        end = time.monotonic() + TIMEOUT
        while True:
            self.idl.run()
            found = condition()
            if found:
                return found
            if time.monotonic() > end:
                raise TimeoutError(what)
            poller = ovs.poller.Poller()
            self.idl.wait(poller)
            poller.timer_wait(100)
            poller.block()

    def rows(self, table):
        return list(self.idl.tables[table].rows.values())

    def names(self, table):
        return sorted(row.name for row in self.rows(table))

    def transact(self, change):
        txn = ovs.db.idl.Transaction(self.idl)
        change(txn)
        return txn.commit_block(), txn


def transactions(remote):
    """Rows are made, changed, referred to and deleted; what is made is seen."""
    client = Client(remote, ["Logical_Switch", "Logical_Switch_Port", "NB_Global"])
    client.until("contents", lambda: client.idl.has_ever_connected())

    def make(txn):
        port = txn.insert(client.idl.tables["Logical_Switch_Port"])
        port.name = "py-p1"
        port.addresses = ["0a:00:00:00:00:01 10.0.0.1"]
        port.options = {"a": "b"}
        switch = txn.insert(client.idl.tables["Logical_Switch"])
        switch.name = "py-sw"
        switch.ports = [port]
        txn.add_comment("made by a test")

    status, _ = client.transact(make)
    assert status == ovs.db.idl.Transaction.SUCCESS, status
    assert client.names("Logical_Switch") == ["py-sw"]
    port = client.rows("Logical_Switch_Port")[0]
    assert port.options == {"a": "b"} and client.rows("Logical_Switch")[0].ports == [port]

    def change(_):
        port.verify("options")
        port.setkey("options", "c", "d")
        port.delkey("options", "a")

    status, _ = client.transact(change)
    assert status == ovs.db.idl.Transaction.SUCCESS, status
    assert client.rows("Logical_Switch_Port")[0].options == {"c": "d"}
    return client


def waits(remote, client):
    """A transaction whose preconditions another client broke is to be tried again."""
    port = client.rows("Logical_Switch_Port")[0]
    other = Client(remote, ["Logical_Switch_Port"])
    other.until("contents", lambda: other.rows("Logical_Switch_Port"))

    def set_type(row):
        def change(_):
            row.verify("type")
            row.type = "router" if row.type != "router" else ""

        return change

    txn = ovs.db.idl.Transaction(client.idl)
    set_type(port)(txn)
    status, _ = other.transact(set_type(other.rows("Logical_Switch_Port")[0]))
    assert status == ovs.db.idl.Transaction.SUCCESS, status
    status = txn.commit_block()
    assert status == ovs.db.idl.Transaction.TRY_AGAIN, status
    other.idl.close()


def indexes(client):
    """Two rows with one index key are refused, in upstream's words."""

    def make(txn):
        row = txn.insert(client.idl.tables["Logical_Switch_Port"])
        row.name = "py-p1"
        switch = client.rows("Logical_Switch")[0]
        switch.addvalue("ports", row)

    status, txn = client.transact(make)
    assert status == ovs.db.idl.Transaction.ERROR, status
    for words in ("constraint violation", "to have identical values (py-p1) for index on column"):
        assert words in txn.get_error(), txn.get_error()


def increments(client):
    """A counter is incremented by the server and its new value comes back."""

    def make(txn):
        txn.insert(client.idl.tables["NB_Global"]).name = "global"

    status, _ = client.transact(make)
    assert status == ovs.db.idl.Transaction.SUCCESS, status
    for expected in (1, 2):
        txn = ovs.db.idl.Transaction(client.idl)
        row = client.rows("NB_Global")[0]
        row.name = f"global {expected}"
        row.increment("nb_cfg")
        status = txn.commit_block()
        assert status == ovs.db.idl.Transaction.SUCCESS, status
        assert txn.get_increment_new_value() == expected, txn.get_increment_new_value()


def locks(remote):
    """A lock has one owner; who waits gets it when the owner leaves, and writes only then."""
    first, second = Client(remote, ["NB_Global"]), Client(remote, ["NB_Global"])
    for client in (first, second):
        client.until("contents", lambda: client.rows("NB_Global"))
    first.idl.set_lock("py")
    first.until("the lock", lambda: first.idl.has_lock)
    second.idl.set_lock("py")
    second.until("the contention", lambda: second.idl.is_lock_contended)

    def touch(client):
        def change(_):
            client.rows("NB_Global")[0].name = "touched"

        return change

    status, _ = second.transact(touch(second))
    assert status == ovs.db.idl.Transaction.NOT_LOCKED, status
    status, _ = first.transact(touch(first))
    assert status == ovs.db.idl.Transaction.SUCCESS, status
    first.idl.close()
    second.until("the lock", lambda: second.idl.has_lock)
    second.idl.close()


def conditions(remote, client):
    """A monitor sees the rows that its condition names, and follows when the condition changes."""

    def make(txn):
        switch = client.rows("Logical_Switch")[0]
        for name in ("py-p2", "py-p3"):
            port = txn.insert(client.idl.tables["Logical_Switch_Port"])
            port.name = name
            switch.addvalue("ports", port)

    status, _ = client.transact(make)
    assert status == ovs.db.idl.Transaction.SUCCESS, status
    narrow = Client(remote, ["Logical_Switch_Port"])
    narrow.idl.cond_change("Logical_Switch_Port", [["name", "==", "py-p2"]])
    narrow.until("one port", lambda: narrow.names("Logical_Switch_Port") == ["py-p2"])
    narrow.idl.cond_change("Logical_Switch_Port", [["name", "!=", "py-p2"]])
    narrow.until("the others", lambda: narrow.names("Logical_Switch_Port") == ["py-p1", "py-p3"])

    def rename(_):
        row = [row for row in client.rows("Logical_Switch_Port") if row.name == "py-p1"][0]
        row.name = "py-p4"

    client.transact(rename)
    narrow.until("the new name", lambda: narrow.names("Logical_Switch_Port") == ["py-p3", "py-p4"])
    narrow.idl.cond_change("Logical_Switch_Port", [True])
    narrow.until("all", lambda: narrow.names("Logical_Switch_Port") == ["py-p2", "py-p3", "py-p4"])
    return narrow


def reconnects(clients):
    """Clients that lost their server find all of it when it is back."""
    for client in clients:
        client.idl.force_reconnect()
        client.until("the connection", lambda: client.idl._session.is_connected())
    print("restart", flush=True)
    sys.stdin.readline()
    writer = clients[0]

    def make(txn):
        txn.insert(writer.idl.tables["Logical_Switch"]).name = "py-after"

    # Until the connection is back, a transaction is to be tried again.
    writer.until("a reply", lambda: writer.transact(make)[0] == ovs.db.idl.Transaction.SUCCESS)
    assert "py-after" in writer.names("Logical_Switch")
    for client in clients:
        client.until("the ports", lambda: client.names("Logical_Switch_Port") == ["py-p2", "py-p3", "py-p4"])


class PortSeen(event.RowEvent):
    def __init__(self):
        super().__init__((self.ROW_CREATE,), "Logical_Switch_Port", None)
        self.seen = threading.Event()

    def matches(self, event, row, old=None):
        return super().matches(event, row, old) and row.name == "app-p1"

    def run(self, event, row, old):
        self.seen.set()


def application(remote):
    """`ovsdbapp` as neutron uses it: commands, transactions of several, events, and errors."""
    idl = connection.OvsdbIdl.from_server(remote, DATABASE)
    idl.notify_handler = event.RowEventHandler()
    idl.notify = lambda what, row, updates=None: idl.notify_handler.notify(what, row, updates)
    seen = PortSeen()
    idl.notify_handler.watch_event(seen)
    api = impl_idl.OvnNbApiIdlImpl(connection.Connection(idl=idl, timeout=TIMEOUT))
    with api.transaction(check_error=True) as txn:
        txn.add(api.ls_add("app-sw"))
        txn.add(api.lsp_add("app-sw", "app-p1"))
        txn.add(api.lsp_set_addresses("app-p1", ["0a:00:00:00:00:09 10.0.0.9"]))
        txn.add(api.lr_add("app-lr"))
    api.acl_add("app-sw", "to-lport", 1000, "ip4", "allow").execute(check_error=True)
    assert seen.seen.wait(TIMEOUT)
    assert [port.name for port in api.lsp_list("app-sw").execute(check_error=True)] == ["app-p1"]
    api.db_set("Logical_Switch", "app-sw", ("other_config", {"subnet": "10.0.0.0/24"})).execute(check_error=True)
    found = api.db_find("Logical_Switch", ("name", "=", "app-sw")).execute(check_error=True)
    assert found[0]["other_config"] == {"subnet": "10.0.0.0/24"}, found
    try:
        api.ls_add("app-sw", may_exist=False).execute(check_error=True)
        raise AssertionError("a second switch of the same name was accepted")
    except RuntimeError:
        pass
    with api.transaction(check_error=True) as txn:
        txn.add(api.ls_del("app-sw"))
        txn.add(api.lr_del("app-lr"))
    assert api.db_find("Logical_Switch_Port", ("name", "=", "app-p1")).execute(check_error=True) == []
    api.ovsdb_connection.stop()


def main():
    remote = sys.argv[1]
    steps = []

    def step(name, *arguments):
        print("step", name.__name__, flush=True)
        return name(*arguments)

    client = step(transactions, remote)
    step(waits, remote, client)
    step(indexes, client)
    step(increments, client)
    step(locks, remote)
    narrow = step(conditions, remote, client)
    step(application, remote)
    step(reconnects, [client, narrow])
    print("ok", flush=True)


if __name__ == "__main__":
    main()
