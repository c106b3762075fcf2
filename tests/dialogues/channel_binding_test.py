"""SCRAM-SHA-256-PLUS: a login that is bound to the TLS connection on which it is made."""
from bound_scram import TlsDialogue, log_in
from harness import check, test
from mailhost import Host

ALICE = "alice@example.test"


@test("a login by SCRAM-SHA-256-PLUS succeeds with the binding of its own connection and with no other, and can't be downgraded")
def bound(t):
    host = Host(t, {"auth_failure_delay": "0s", "auth_mechanisms": "auto, scram-sha-256-plus"}, daemons=("imapd",))
    client = host.imap(tls=True)
    check("AUTH=SCRAM-SHA-256-PLUS" in client.capabilities, f"offered where it is named: {client.capabilities}")
    client.logout()
    plain = host.imap()
    check("AUTH=SCRAM-SHA-256-PLUS" not in plain.capabilities, "offered where there is nothing to bind to")
    plain.logout()

    def login(**how):
        dialogue = TlsDialogue(t, host.address, host.port("imaps"))
        if how.pop("elsewhere", False):  # what someone in the middle has: the binding of another connection
            how["binding"] = TlsDialogue(t, host.address, host.port("imaps")).binding
        answer = log_in(dialogue, ALICE, host.users[ALICE], **how)
        dialogue.close()
        return answer

    check(login().startswith("a OK"), "the right binding is refused")
    for how in ({"elsewhere": True}, {"binding": b""}, {"header": "p=tls-unique,,", "binding": bytes(32)},
                {"header": "n,,"}):
        answer = login(**how)
        check(answer.startswith("a NO"), f"{how} is answered {answer}")
    # RFC 5802 section 6: the client could bind, but was told that the server could not.
    plain = "SCRAM-SHA-256"
    check(login(header="y,,", mechanism=plain).startswith("a NO"), "a downgrade is not noticed")
    check(login(header="n,,", mechanism=plain).startswith("a OK"), "a client that can't bind is refused")
