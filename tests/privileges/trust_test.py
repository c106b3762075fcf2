"""As root: strangers' mail is checked by a process without files, and mail is signed and sealed with keys that only lookup's user can read."""
import glob
import os
import smtplib
import stat

from harness import check, contains, equal, eventually, test
from mailhost import IS_ROOT
from peers import NameServer, Sink
from roothost import MAIL_OWNER, RootHost

STRANGER = "127.0.0.55"


def records(zone):
    lines = [line for line in zone.splitlines() if " IN TXT (" in line]
    return [f"--txt-record={line.split('. IN TXT')[0]}," + ",".join(line.split('"')[1::2]) for line in lines]


@test("a confined receive checks signatures, lookup alone signs and seals, with keys of its user, and queue keeps what is reported", seconds=120)
def confined(t):
    check(IS_ROOT, "this test must run as root")
    sink = Sink(t)
    host = RootHost(t, {"relayhost": f"[127.0.0.1]:{sink.port}", "mynetworks": ["127.0.0.1"], "mailauth_checks": None,
                        "srs_domain": "srs.example.test", "dmarc_reports": True,
                        "virtual_alias_maps": "inline:{{to-far@example.test = carol@far.test}}"}, daemons=("smtpd",), start=False)
    zone = host.command("pennypost", "dkim", "new", "example.test").stdout
    name_server = NameServer(t, "--txt-record=_dmarc.example.test,v=DMARC1; p=reject; rua=mailto:d@example.test", *records(zone))
    host.settings["dns_servers"] = [name_server.address]
    host.write_settings()
    host.start()
    folder = os.path.join(host.etc, "dkim")
    for path in (folder, os.path.join(folder, "example.test")):
        status = os.stat(path)
        equal((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), (0, MAIL_OWNER, 0o750), path)
    for name in os.listdir(os.path.join(folder, "example.test")):
        status = os.stat(os.path.join(folder, "example.test", name))
        equal((status.st_uid, stat.S_IMODE(status.st_mode)), (MAIL_OWNER, 0o600), name)
    status = os.stat(host.path("data", "srs_secret"))
    equal((status.st_uid, stat.S_IMODE(status.st_mode)), (MAIL_OWNER, 0o600), "the secret of SRS")

    message = b"From: alice@example.test\r\nTo: bob@far.test\r\nSubject: signed\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n" \
              b"Message-ID: <x@example.test>\r\n\r\nHello.\r\n"
    with smtplib.SMTP("127.0.0.1", host.port("smtp"), timeout=60, source_address=("127.0.0.1", 0)) as client:
        client.sendmail("alice@example.test", ["bob@far.test"], message)
    signed = eventually(lambda: sink.transactions and sink.transactions[0].data, "it is sent")
    equal(signed.count(b"DKIM-Signature:"), 2, "it is signed with both keys")
    # Our own signatures, as a stranger sends them.
    with smtplib.SMTP("127.0.0.1", host.port("smtp"), timeout=60, source_address=(STRANGER, 0)) as client:
        client.sendmail("eve@far.test", ["bob@example.test", "to-far@example.test"], signed)
    forwarded = eventually(lambda: len(sink.transactions) > 1 and sink.transactions[1], "it is forwarded")
    contains(forwarded.sender, "SRS0=", "its sender is ours")
    contains(forwarded.data.replace(b"\r\n ", b" "), b"dmarc=pass header.from=example.test", "it was checked")
    contains(forwarded.data, b"ARC-Seal: i=1;", "and sealed by a key of ours")
    kept, = eventually(lambda: glob.glob(host.path("queue", "dmarc", "*", "example.test")), "what is to be reported is kept")
    for path, mode in ((kept, 0o600), (os.path.dirname(kept), 0o700), (host.path("queue", "dmarc"), 0o700)):
        status = os.stat(path)
        equal((status.st_uid, stat.S_IMODE(status.st_mode)), (MAIL_OWNER, mode), path)
    host.wait_log(r"authentication: .*dkim=pass \(example\.test\) dkim=pass \(example\.test\)")
    check(not [line for line in host.log().splitlines() if "panic" in line or "Permission denied" in line], "nobody was denied anything")
