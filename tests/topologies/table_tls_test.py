"""pgsql: and mysql: tables over TCP and TLS: certificates are checked where the settings say so, as Postfix's clients do;
and a table that several settings name has one pool of connections."""
from harness import check, contains, equal, test
from lookups import aliases, looked_up, our_postmap, postfix_folder, rcpt
from mailhost import Host, has_program, make_certificate
from table_servers import MariaDb, Postgres
from table_servers_tls import MariaDbOverTls, PostgresOverTls

KEY, FOUND = "ann@alias.test", "ann@alias.test\talice@example.test"


def judge(t, host, server, cases):
    """cases: (what, settings, whether it is found, words of the error). Postfix's client must say the same of each."""
    for number, (what, settings, is_found, words) in enumerate(cases):
        table = server.table(f"case{number}.cf", **settings)
        status, found, errors = looked_up(our_postmap(host), host.etc, table, [KEY])
        equal((status == 0, found), (is_found, [FOUND] if is_found else []), f"{what}: {errors}")
        contains(errors, words, what)
        theirs, found, errors = looked_up(has_program("postmap"), postfix_folder(t), table, [KEY])
        equal((theirs == 0, found), (is_found, [FOUND] if is_found else []), f"Postfix, {what}: {errors}")


@test("pgsql: a server over TCP is asked by TLS as sslmode says: no certificate but the trusted one of that name, and no clear text")
def pgsql(t):
    server = PostgresOverTls(t)
    host = Host(t, aliases(virtual_alias_maps=server.table()), daemons=("smtpd",))
    contains(rcpt(host, KEY), "250 ", "an alias")
    contains(rcpt(host, "nobody@alias.test"), "550 5.1.1", "none")
    other = make_certificate(server.folder, file="other")[0]
    judge(t, host, server, [
        ("encrypted", {"hosts": server.uri(sslmode="require")}, True, ""),
        ("a trusted certificate", {"hosts": server.uri(sslmode="verify-ca", sslrootcert=server.certificate)}, True, ""),
        ("another authority", {"hosts": server.uri(sslmode="verify-ca", sslrootcert=other)}, False, "certificate verify failed"),
        ("another name", {"hosts": server.uri("127.0.0.2", sslmode="verify-full", sslrootcert=server.certificate)}, False, "does not match"),
        ("another name that does not matter", {"hosts": server.uri("127.0.0.2", sslmode="verify-ca", sslrootcert=server.certificate)}, True, ""),
        ("no authority", {"hosts": server.uri(sslmode="verify-full")}, False, "root certificate"),
        ("in the clear", {"hosts": server.uri(sslmode="disable")}, False, "no encryption"),
        ("a wrong password", {"hosts": f"127.0.0.1:{server.port}", "password": "wrong"}, False, "password authentication failed"),
        ("a URI's password before the setting's", {"password": "wrong"}, True, ""),
        ("the next of two hosts", {"hosts": f"{server.uri(sslmode='disable')}, {server.uri(sslmode='require')}"}, True, ""),
        ("a URI in dbname", {"hosts": None, "dbname": server.uri(sslmode="require")}, True, ""),
        ("host and port", {"hosts": f"127.0.0.1:{server.port}"}, True, "")])


@test("mysql: a server over TCP is asked by TLS as tls_CAfile, tls_verify_cert and option_file say, and not in the clear")
def mysql(t):
    server = MariaDbOverTls(t)
    host = Host(t, aliases(virtual_alias_maps=server.table()), daemons=("smtpd",))
    contains(rcpt(host, KEY), "250 ", "an alias")
    contains(rcpt(host, "nobody@alias.test"), "550 5.1.1", "none")
    other = make_certificate(server.folder, file="other")[0]
    options = server.write("options.cnf", f"[client]\nssl-ca={server.certificate}\n[strict]\nssl-ca={other}\nssl-verify-server-cert\n")
    plain = {"tls_CAfile": None, "tls_verify_cert": None}
    judge(t, host, server, [
        ("a trusted certificate", {}, True, ""),
        ("another authority", {"tls_CAfile": other}, False, "certificate"),
        ("another name", {"hosts": f"127.0.0.2:{server.port}"}, False, "certificate"),
        ("another name that does not matter", {"hosts": f"127.0.0.2:{server.port}", "tls_verify_cert": "no"}, True, ""),
        ("in the clear", plain, False, "Access denied"),
        ("an option file", {**plain, "option_file": options}, True, ""),
        ("a group of it", {**plain, "option_file": options, "option_group": "strict"}, False, "certificate"),
        ("a wrong password", {"password": "wrong"}, False, "Access denied"),
        ("the next of two hosts", {"hosts": f"127.0.0.1:9, 127.0.0.1:{server.port}"}, True, "")])


for kind, sessions in ((Postgres, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'"),
                       (MariaDb, "SELECT count(*) FROM information_schema.processlist WHERE user = 'reader'")):
    @test(f"{kind.kind}: a table that several settings name is asked over one connection")
    def one_pool(t, server_kind=kind, statement=sessions):
        server = server_kind(t)
        table = server.table()
        host = Host(t, aliases(virtual_alias_maps=table, relay_domains="relay.test", relay_recipient_maps=f"unionmap:{{{table}}}"),
                    daemons=("smtpd",))
        for address, reply in ((KEY, "250 "), ("nobody@relay.test", "550 5.1.1")):
            contains(rcpt(host, address), reply, address)
        seen = server.sql(statement).split()[-1]
        check(seen == "1", f"{seen} connections")
