"""Tables in files: what a client is told while one is missing, wrong or slow, and for keys that strangers make up.

Tables that servers answer have the same in topologies/table_servers_test.py.
"""
import os
import smtplib
import subprocess
import time

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host

ALICE = "alice@example.test"
STRANGER = "stranger@elsewhere.test"
# Keys as strangers may write them; no table below has one of them.
HOSTILE = ["*", "*@relay.test", ")(", "x)(mail=*", "'", "''", "' OR '1'='1", '"', '" OR ""="', "\\", "\\Q", "%", "_", "$1", "${1}", "%s", ".*",
           "^.*$", "[a-z]", "(?#", "a" * 10000, "\xc3\x28@relay.test", "{", "}", "!", "/", "//", "#", "ann@relay.test x", " ann@relay.test",
           "ann@relay.test\t", "<ann@relay.test>"]
# type: (a right source, a wrong one, what is said of it)
FILES = {
    "hash": ("ann@relay.test ok\n", '"ann@relay.test ok\n', ":1: the quote"),
    "texthash": ("ann@relay.test ok\n", 'x y\n"ann@relay.test ok\n', ":2: the quote"),
    "regexp": ("/^ann@relay\\.test$/ ok\n", "/^a/ b\n/^(ann@relay/ ok\n", ":2: "),
    "pcre": ("/^ann@relay\\.test$/ ok\n", "/^a/ b\n\n/^[ann@relay/ ok\n", ":3: "),
}


def rcpt(host, recipient, client=None):
    with host.smtp() as session:
        session.ehlo()
        session.mail(STRANGER)
        code, text = session.rcpt(recipient)
        return f"{code} {text.decode(errors='replace')}"


def becomes(host, recipient, reply, when):
    """A receive process remembers an answer for a second, and a file is looked at once a second."""
    eventually(lambda: rcpt(host, recipient).startswith(reply), f"{recipient}, {when}: {reply}")


def build(host, kind, path):
    return host.command("postmap", path, ok=False) if kind == "hash" else None


for name in FILES:
    @test(f"{name}: a file that is missing or wrong is told with its line, and puts off whom it is about; put right, all is well")
    def file_of(t, kind=name):
        right, wrong, problem = FILES[kind]
        path = os.path.join(t.folder, "host", "etc", "recipients")
        host = Host(t, {"relay_domains": "relay.test", "relay_recipient_maps": f"{kind}:{path}"}, daemons=("smtpd",))
        contains(rcpt(host, "ann@relay.test"), "451 4.3.0", "no file")
        contains(rcpt(host, ALICE), "250 ", "an address that the table is not asked about")
        contains(host.command("pennypost", "check", ok=False).stderr, path, "check, while it is missing")
        host.write("etc/recipients", wrong)
        built = build(host, kind, path)
        said = built.stderr if built else host.command("pennypost", "check", ok=False).stderr
        contains(said, path + problem, "the line of the mistake")
        becomes(host, "ann@relay.test", "451 4.3.0", "while the file is wrong")
        host.write("etc/recipients", right)
        build(host, kind, path)
        becomes(host, "ann@relay.test", "250 ", "the file put right")
        becomes(host, "bob@relay.test", "550 5.1.1", "the file put right")
        host.write("etc/recipients", wrong)
        os.utime(path, ns=(time.time_ns(), time.time_ns() + 2_000_000_000))
        build(host, kind, path)
        contains(rcpt(host, "ann@relay.test"), "250 ", "the file wrong again")
        if kind == "hash":
            return
        eventually(lambda: rcpt(host, "carol@relay.test") and "the old table stays in use" in host.log(), "the mistake is in the log")
        contains(rcpt(host, "ann@relay.test"), "250 ", "after the file was read again")

    @test(f"{name}: a key that a stranger makes up is found only if it is there")
    def hostile(t, kind=name):
        host = Host(t, daemons=("smtpd",), start=False)
        path = host.write("etc/recipients", FILES[kind][0])
        build(host, kind, path)
        call = [os.path.join(TOP, host.bin, "postmap"), "-c", host.etc, "-q", "-", f"{kind}:{path}"]
        keys = "".join(key + "\n" for key in HOSTILE).encode("utf-8", "surrogateescape") + b"ann@relay.test\0\na\0b\n\xff\xfe\n"
        done = subprocess.run(call, input=keys, capture_output=True, timeout=60, check=False)
        equal((done.returncode, done.stdout), (1, b""), f"{kind}: {done.stderr[-500:]}")
        done = subprocess.run(call, input=b"ann@relay.test\n", capture_output=True, timeout=60, check=False)
        equal(done.stdout, b"ann@relay.test\tok\n", f"{kind}: the key that is there")


@test("cidr: a file that is missing or wrong is told with its line, and puts off whom it is about; put right, all is well")
def cidr(t):
    path = os.path.join(t.folder, "host", "etc", "clients")
    host = Host(t, {"smtpd_client_restrictions": f"check_client_access cidr:{path}"}, daemons=("smtpd",))
    contains(rcpt(host, ALICE), "451 4.3.0", "no file")
    host.write("etc/clients", "10.0.0.0/8 OK\n127.0.0.1/8 REJECT\n")
    contains(host.command("pennypost", "check", ok=False).stderr, path + ":2: ", "the line of the mistake")
    becomes(host, ALICE, "451 4.3.0", "while the file is wrong")
    host.write("etc/clients", "127.0.0.0/8 REJECT no\n")
    becomes(host, ALICE, "554 5.7.1", "the file put right")
    host.write("etc/clients", "10.0.0.0/8 REJECT no\n")
    becomes(host, ALICE, "250 ", "another network")
    for key in ("10.0.0.1 ", "10.1", "10.0.0.0/8", "::ffff:10.0.0.1.", "1" * 10000, "10.0.0.1\0", "*", "'"):
        done = host.command("postmap", "-q", "-", f"cidr:{path}", input=key + "\n", ok=False)
        equal((done.returncode, done.stdout), (1, ""), f"{key[:20]}: {done.stderr}")


@test("a file of names in a list: missing it puts mail off, a word that does not belong there is told with its line")
def names(t):
    path = os.path.join(t.folder, "host", "etc", "domains")
    host = Host(t, {"relay_domains": path}, daemons=("smtpd",))
    contains(rcpt(host, "ann@relay.test"), "451 4.3.0", "no file")
    host.write("etc/domains", "# ours\nrelay.test\nhash:/etc/x\n")
    contains(host.command("pennypost", "check", ok=False).stderr, path + ":3: ", "the line of the mistake")
    host.write("etc/domains", "relay.test\n")
    becomes(host, "ann@relay.test", "250 ", "the file put right")


@test("unionmap, pipemap: if one of their tables can't answer the whole puts mail off, whatever the others hold")
def compound(t):
    for kind in ("unionmap", "pipemap"):
        path = os.path.join(t.folder, kind, "etc", "missing")
        table = f"{kind}:{{inline:{{ann@relay.test=ok}}, texthash:{path}}}"
        host = Host(t, {"relay_domains": "relay.test", "relay_recipient_maps": table}, daemons=("smtpd",), name=kind)
        contains(rcpt(host, "ann@relay.test"), "451 4.3.0", table)
        contains(rcpt(host, ALICE), "250 ", f"{table}: whom the table is not about")
        contains(host.command("pennypost", "check", ok=False).stderr, path, "check")
        host.write("etc/missing", "ok fine\nann@relay.test more\n")
        becomes(host, "ann@relay.test", "250 ", "the file is there")
        host.stop("smtpd")


@test("pcre: a pattern that would take for ever on a stranger's address puts off that address, and holds up nobody")
def slow(t):
    host = Host(t, {"relay_domains": "relay.test"}, daemons=("smtpd",), start=False)
    path = host.write("etc/patterns", "/^(([a-z])+.)+[A-Z]([a-z])+$/ ok\n/^ann@/ ok\n")
    host.settings["relay_recipient_maps"] = f"pcre:{path}"
    host.write_settings()
    host.start()
    begun = time.monotonic()
    contains(rcpt(host, "a" * 60 + "1@relay.test"), "451 4.3.0", "a pattern without an end")
    check(time.monotonic() - begun < 20, "the look-up is bounded")
    contains(rcpt(host, ALICE), "250 ", "another address")
    contains(host.log(), "Temporary lookup failure", "the log")


@test("a table in a list of networks is read at the start and at a reload; one that can't be read prevents the start")
def networks(t):
    path = os.path.join(t.folder, "host", "etc", "clients")
    host = Host(t, {"smtpd_sasl_exceptions_networks": f"10.0.0.0/8, hash:{path}", "smtpd_sasl_auth_enable": True,
                    "disable_plaintext_auth": False}, daemons=("smtpd",), start=False)

    def offers_login(client):
        with smtplib.SMTP(host.address, host.port("smtp"), source_address=(client, 0), timeout=30) as session:
            session.ehlo()
            return session.has_extn("auth")

    contains(host.command("pennypost", "check", ok=False).stderr, path, "check, while the table is missing")
    process = host.launch("smtpd")
    equal(process.wait(60), 78, "the exit status while the table is missing")
    del host.running["smtpd"]
    contains(host.errors("smtpd") + host.log(), path, "what smtpd says")
    host.write("etc/clients", "127.0.0.2 x\n127.0.1 x\n")
    host.command("postmap", path)
    host.start()
    equal([offers_login(client) for client in ("127.0.0.1", "127.0.0.2", "127.0.1.9")], [True, False, False], "who is offered AUTH")
    host.write("etc/clients", "127.0.0.3 x\n")
    host.command("postmap", path)
    host.reload("smtpd")
    eventually(lambda: offers_login("127.0.0.2"), "after a reload the table's new entries count")
    equal(offers_login("127.0.0.3"), False, "who is in the table now")
