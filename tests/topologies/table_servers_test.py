"""Tables that servers answer: ldap:, mysql:, pgsql:, sqlite:, each with a real server of the test's own.

Where Postfix reads the same file of settings, it must find the same.
"""
import os
import subprocess
import threading

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host, has_program, letter
from lookups import aliases, becomes, complaints, looked_up, our_postmap, rcpt, same_as_postfix
from table_servers import BASE, BIND_DN, ENTRIES, HOSTILE_KEYS, SERVERS, Ldap, Sqlite
from table_servers_tls import SERVERS_OVER_TLS

ALICE, BOB = "alice@example.test", "bob@example.test"


for server_kind in SERVERS:
    @test(f"{server_kind.kind}: finds what the server holds and, for keys that strangers make up, nothing: as Postfix does")
    def finds(t, kind=server_kind):
        server = kind(t)
        host = Host(t, aliases(virtual_alias_maps=server.table()), daemons=("smtpd",))
        found = same_as_postfix(t, host, server.table(), [*ENTRIES, "ANN@Alias.Test", "nobody@alias.test", *HOSTILE_KEYS])
        expected = {key: ",".join(values) for key, values in ENTRIES.items()}
        equal(dict(line.split("\t") for line in found), {**expected, "ANN@Alias.Test": ALICE}, "what was found")
        equal(looked_up(our_postmap(host), host.etc, server.table(), ["ann@alias.test\0", "a\0b"])[:2], (1, []), "a NUL")
        contains(rcpt(host, "ann@alias.test"), "250 ", "an alias")
        for stranger in ("nobody@alias.test", '"*"@alias.test', '"x)(mail=*"@alias.test', "'@alias.test", "_nn@alias.test"):
            contains(rcpt(host, stranger), "550 5.1.1", stranger)
        with host.smtp() as client:
            client.sendmail("stranger@elsewhere.test", ["team@alias.test", "o'hara@alias.test"], letter("to the team"))
        host.wait_messages("alice@example.test", 1)
        host.wait_messages("bob@example.test", 1)  # named twice: one copy

    @test(f"{server_kind.kind}: fills keys and values into its query and its result, and leaves out domains, as Postfix does")
    def templates(t, kind=server_kind):
        server = kind(t)
        host = Host(t, daemons=("smtpd",), start=False)
        keys = [*ENTRIES, "ann", "@alias.test", "ann@", "ann@test", "x@y.z", ""]
        query = {"query_filter": "(mailLocalAddress=%u@alias.%1)"} if kind is Ldap else {
            "query": "SELECT destination FROM aliases WHERE address = '%u@alias.%1' ORDER BY destination"}
        domains = server.write("domains", "alias.test # ours\nother.test\n")
        forms = [{"domain": domains}, {"result_format": "%u at %d (%s, 100%%)"}, {"result_format": "%S=%U+%D %2.%1"}, {"domain": "alias.test, other.test"},
                 {"domain": "relay.test"}, {"result_format": "[%d]:25"}, query, {**query, "result_format": "%2"}]
        for number, form in enumerate(forms):
            same_as_postfix(t, host, server.table(f"form{number}.cf", **form), [key for key in keys if key])
        limited = server.table("limited.cf", expansion_limit=1)
        equal(looked_up(our_postmap(host), host.etc, limited, ["ann@alias.test"])[:2],
              (0, [f"ann@alias.test\t{ALICE}"]), "one value")
        status, _, errors = looked_up(our_postmap(host), host.etc, limited, ["team@alias.test"])
        check(status not in (0, None) and "expansion_limit" in errors, f"two values: {status} {errors}")

    @test(f"{server_kind.kind}: a file of settings that is missing or wrong is told with its line, and puts mail off")
    def wrong_settings(t, kind=server_kind):
        server = kind(t)
        missing = server.path("missing.cf")
        host = Host(t, {"relay_domains": "relay.test", "relay_recipient_maps": f"{kind.kind}:{missing}"}, daemons=("smtpd",))
        contains(rcpt(host, "ann@relay.test"), "451 4.3.0", "no file")
        contains(rcpt(host, ALICE), "250 ", "an address that no such table is asked about")
        contains(complaints(host), f"relay_recipient_maps: {missing}: No such file", "check")
        wrong = {"result_formt = %s\n": r"missing.cf:1: unknown setting result_formt; did you mean result_format?",
                 "# a comment\nexpansion_limit = many\n": "missing.cf:2: expansion_limit: many is no number",
                 "result_format = %z\n": "missing.cf:1: result_format: %z is filled in by nothing",
                 "no equals sign\n": "missing.cf:1: expected name = value"}
        if kind is not Ldap:
            wrong["result_format = %s\nquery = SELECT a FROM b WHERE c = %s\n"] = "missing.cf:2: query: has %s outside of quotes"
        for text, problem in wrong.items():
            server.write("missing.cf", text + "".join(
                f"{key} = {value}\n" for key, value in server.settings().items() if not (key == "query" and "query" in text)))
            contains(complaints(host), problem, text)
        server.source("missing.cf")
        becomes(host, "ann@relay.test", "250 ", "the file put right")

    @test(f"{server_kind.kind}: a slow answer puts off whom it is about, and nobody else")
    def slow(t, kind=server_kind):
        server = kind(t)
        host = Host(t, {"relay_domains": "relay.test", "relay_recipient_maps": server.table()}, daemons=("smtpd",))
        contains(rcpt(host, "ann@relay.test"), "250 ", "while it answers")
        server.freeze()
        t.cleanup(server.thaw)
        replies = []
        asking = threading.Thread(target=lambda: replies.append(rcpt(host, "slow@relay.test")))
        asking.start()
        for _ in range(5):
            contains(rcpt(host, ALICE), "250 ", "while it hangs")
        equal(replies, [], "the answer about whom the server is asked")
        asking.join(60)
        contains(replies[0], "451 4.3.0", "no answer in time")
        host.wait_log(f"trivial-rewrite.*warning: {kind.kind}:.*")


def down_and_up(t, kind):
    server = kind(t)
    host = Host(t, aliases(virtual_alias_maps=server.table()), daemons=("smtpd",))
    contains(rcpt(host, "ann@alias.test"), "250 ", "while it is up")
    server.stop()
    becomes(host, "ann@alias.test", "451 4.3.0", "while it is down")
    contains(rcpt(host, "nobody@alias.test"), "451 4.3.0", "an unknown address while it is down")
    host.command("sendmail", "-f", BOB, "ann@alias.test", input="Subject: while it is down\n\nhello\n")
    host.wait_log("to=<ann@alias.test>.*status=deferred")
    equal(len(host.queue()), 1, "what waits")
    server.start()
    becomes(host, "ann@alias.test", "250 ", "asked again")
    becomes(host, "nobody@alias.test", "550 5.1.1", "asked again")
    host.wait_log(f"{kind.kind}:.*answers again")
    host.command("postqueue", "-f")
    host.wait_queue(0)
    host.wait_messages(ALICE, 1)


for server_kind in (*SERVERS, *SERVERS_OVER_TLS):
    if server_kind.is_server:
        way = f" over {server_kind.reaches_by}" if server_kind.reaches_by else ""

        @test(f"{server_kind.kind}{way}: while the server is down mail is put off and not lost, and goes on when it is back")
        def down(t, kind=server_kind):
            down_and_up(t, kind)


@test("sqlite: a database that was replaced or has changed is seen at the next look-up")
def replaced(t):
    server = Sqlite(t)
    host = Host(t, aliases(virtual_alias_maps=server.table()), daemons=("smtpd",))
    contains(rcpt(host, "new@alias.test"), "550 ", "before")
    server.sql(f"INSERT INTO aliases VALUES ('new@alias.test', '{BOB}')")
    becomes(host, "new@alias.test", "250 ", "inserted")
    os.rename(server.database, server.database + ".old")
    becomes(host, "new@alias.test", "451 4.3.0", "gone")
    server.fill()
    becomes(host, "new@alias.test", "550 ", "another file")


@test("a client library is loaded by lookup alone, and only where a table needs it")
def libraries(t):
    def with_library(host, library):
        found = []
        for title, pids in host.pids("smtpd").items():
            for pid in pids:
                with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
                    if library in file.read():
                        found.append(title)
        return found

    for kind, library in zip(SERVERS, ("libsqlite3", "libldap", "libpq", "libmariadb")):
        server = kind(t)
        linked = subprocess.run(["ldd", os.path.join(TOP, "build", "release", "bin", "smtpd")], capture_output=True, text=True, check=True).stdout
        check(library not in linked, f"smtpd is linked with {library}")
        plain = Host(t, daemons=("smtpd",), name=f"plain-{kind.kind}")
        contains(rcpt(plain, ALICE), "250 ", "without such a table")
        equal(with_library(plain, library), [], "processes with the library, without such a table")
        plain.stop("smtpd")
        host = Host(t, aliases(virtual_alias_maps=server.table()), daemons=("smtpd",), name=f"host-{kind.kind}")
        contains(rcpt(host, "ann@alias.test"), "250 ", "with such a table")
        titles = with_library(host, library)
        check(len(titles) == 1 and "lookup" in titles[0], f"{library} is loaded by {titles}")
        host.stop("smtpd")
        server.stop()


@test("ldap: STARTTLS and ldaps: check the server's certificate where they are told to")
def ldap_tls(t):
    server = Ldap(t)
    host = Host(t, daemons=("smtpd",), start=False)
    secure = {"ldaps": {"server_host": f"ldaps://127.0.0.1:{server.tls_port}"},
              "starttls": {"server_host": f"ldap://127.0.0.1:{server.port}", "start_tls": "yes"}}
    for name, how in secure.items():
        for required, certificate, is_found in (("no", None, True), ("yes", server.certificate, True), ("yes", None, False)):
            table = server.table(f"{name}.cf", **how, tls_require_cert=required, tls_ca_cert_file=certificate)
            status, found, errors = looked_up(our_postmap(host), host.etc, table, ["ann@alias.test"])
            equal(found, [f"ann@alias.test\t{ALICE}"] if is_found else [], f"{name}, {required}, {certificate}: {errors}")
            check((status == 0) == is_found, f"{name}, {required}: exit status {status}")


@test("ldap: of several servers the next is asked where one is down, and a wrong password puts mail off")
def ldap_servers(t):
    server = Ldap(t)
    host = Host(t, daemons=("smtpd",), start=False)
    two = server.table("two.cf", server_host=f"ldap://127.0.0.1:9, 127.0.0.1:{server.port}")
    equal(looked_up(our_postmap(host), host.etc, two, ["ann@alias.test"])[1], [f"ann@alias.test\t{ALICE}"], "the second")
    wrong = server.table("wrong.cf", bind_pw="wrong")
    status, found, errors = looked_up(our_postmap(host), host.etc, wrong, ["ann@alias.test"])
    equal(found, [], "found with a wrong password")
    check(status != 0 and "bind as" in errors and "Invalid credentials" in errors, f"{status} {errors}")
    none = server.table("none.cf", bind="no", bind_dn=None, bind_pw=None)
    check(looked_up(our_postmap(host), host.etc, none, ["ann@alias.test"])[0] == 1, "found without a bind")


@test("ldap: bind = sasl with EXTERNAL takes the user of a local socket for granted; without it the directory shows nothing")
def ldap_external(t):
    server = Ldap(t)
    host = Host(t, aliases(virtual_alias_maps=server.table("external.cf", server_host=server.socket_url(), bind="sasl",
                                                           sasl_mechs="EXTERNAL", bind_dn=None, bind_pw=None)), daemons=("smtpd",))
    contains(rcpt(host, "ann@alias.test"), "250 ", "an alias")
    contains(rcpt(host, "nobody@alias.test"), "550 5.1.1", "none")
    unbound = server.table("unbound.cf", server_host=server.socket_url(), bind="no", bind_dn=None, bind_pw=None)
    equal(looked_up(our_postmap(host), host.etc, unbound, ["ann@alias.test"])[:2], (1, []), "without a bind")
    for how, problem in (({"sasl_mechs": "GSSAPI"}, "sasl_mechs: with bind = sasl only EXTERNAL"), ({}, "sasl_mechs: "),
                         ({"sasl_mechs": "EXTERNAL", "version": 2}, "sasl needs version = 3")):
        table = server.table("wrong.cf", server_host=server.socket_url(), bind="sasl", **how)
        contains(looked_up(our_postmap(host), host.etc, table, ["ann@alias.test"])[2], problem, str(how))


@test("ldap: groups are expanded by their members' DNs and URLs, with leaf, terminal and special attributes as in Postfix")
def ldap_groups(t):
    server = Ldap(t)
    host = Host(t, daemons=("smtpd",), start=False)
    people = "".join(f"dn: cn={name},{BASE}\nobjectClass: inetOrgPerson\ncn: {name}\nsn: {name}\n"
                     f"mail: {name}@example.test\no: {name}@leaf.test\n\n" for name in ("carol", "dave"))
    members = {"staff": [f"member: cn=carol,{BASE}", f"member: cn=dave,{BASE}", f"member: cn=gone,{BASE}"],
               "all": [f"member: cn=staff,{BASE}", "o: extra@leaf.test"],
               "circle": [f"member: cn=circle,{BASE}", f"member: cn=carol,{BASE}"],
               "owned": [f"member: cn=staff,{BASE}", "description: owner@example.test"]}
    groups = "".join(f"dn: cn={name},{BASE}\nobjectClass: groupOfNames\ncn: {name}\n" + "\n".join(lines) + "\n\n"
                     for name, lines in members.items())
    urls = (f"dn: cn=linked,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: labeledURIObject\ncn: linked\nsn: linked\n"
            f"labeledURI: ldap:///{BASE}?mail?sub?(sn=carol)\n\n")
    server.add(people + groups + urls)
    by_name = {"query_filter": "(cn=%s)", "special_result_attribute": "member, labeledURI"}
    keys = ["staff", "all", "carol", "linked", "owned", "nobody"]
    tables = [server.table("groups.cf", **by_name),
              server.table("leaf.cf", **by_name, leaf_result_attribute="o"),
              server.table("terminal.cf", **by_name, terminal_result_attribute="description"),
              server.table("scope.cf", **by_name, scope="base"),
              server.table("base.cf", **by_name, search_base=f"cn=%s,{BASE}", scope="base"),
              server.table("plain.cf", query_filter="(cn=%s)", result_attribute="o")]
    for table in tables:
        same_as_postfix(t, host, table, keys)
    for limit in ({"recursion_limit": 3}, {"size_limit": 1, "query_filter": "(cn=*%s*)"}):
        table = server.table("limit.cf", **{**by_name, **limit})
        status, found, errors = looked_up(our_postmap(host), host.etc, table, ["circle" if "recursion_limit" in limit else "a"])
        check(status not in (0, 1) or errors, f"{limit}: {status} {found} {errors}")
        equal(found, [], str(limit))


@test("ldap: Sendmail's mailLocalAddress, mailRoutingAddress and mailHost route mail, by the settings in the manual")
def inet_local_mail_recipient(t):
    server = Ldap(t)
    server.add(f"dn: cn=routed,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: inetLocalMailRecipient\ncn: routed\nsn: routed\n"
               f"mailLocalAddress: routed@alias.test\nmailRoutingAddress: {ALICE}\n\n"
               f"dn: cn=hosted,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: inetLocalMailRecipient\ncn: hosted\nsn: hosted\n"
               "mailLocalAddress: hosted@relay.test\nmailHost: inner.example.test\n\n")
    recipient = "(&(objectClass=inetLocalMailRecipient)(mailLocalAddress=%s))"
    address = server.table("address.cf", query_filter=recipient, result_attribute="mailRoutingAddress")
    mail_host = server.table("host.cf", query_filter=recipient, result_attribute="mailHost", result_format="relay:[%s]")
    host = Host(t, aliases(virtual_alias_maps=address, transport_maps=mail_host, relay_domains="relay.test", relay_recipient_maps=mail_host),
                daemons=("smtpd",))
    contains(rcpt(host, "routed@alias.test"), "250 ", "with a routing address")
    contains(rcpt(host, "hosted@relay.test"), "250 ", "with a mail host")
    contains(rcpt(host, "other@relay.test"), "550 ", "without either")
    with host.smtp() as client:
        client.sendmail("stranger@elsewhere.test", ["routed@alias.test", "hosted@relay.test"], letter("routed"))
    host.wait_messages(ALICE, 1)
    # Nobody answers for that name here: the log tells where the mail was to go.
    host.wait_log("to=<hosted@relay.test>.*inner.example.test")


@test("ldap: two hosts share aliases in one directory, and both see a change at once")
def shared(t):
    server = Ldap(t)
    hosts = [Host(t, aliases(virtual_alias_maps=server.table()), daemons=("smtpd",), name=name, address=address)
             for name, address in (("one", "127.0.0.41"), ("two", "127.0.0.42"))]
    for host in hosts:
        contains(rcpt(host, "ann@alias.test"), "250 ", "known to both")
        contains(rcpt(host, "later@alias.test"), "550 ", "known to none")
    server.add(f"dn: cn=later,{BASE}\nobjectClass: inetOrgPerson\nobjectClass: inetLocalMailRecipient\ncn: later\nsn: later\n"
               f"mailLocalAddress: later@alias.test\nmail: {BOB}\n\n")
    for host in hosts:
        becomes(host, "later@alias.test", "250 ", "added")
    check(BIND_DN in open(server.path("table.cf"), encoding="utf-8").read(), "both bind as the reader")
