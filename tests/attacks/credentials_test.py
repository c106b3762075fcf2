"""Somebody stands between us and a next hop: he breaks TLS, hides it, or takes the next hop's place. No password, and no
mail under a policy, goes out with less protection than was asked for.
"""
import base64
import os

from harness import check, eventually, test
from mailhost import Host, letter, make_certificate
from peers import Sink

FAR = "zoe@far.test"
SECRETS = [base64.b64encode(text).decode() for text in (b"\0acct\0topsecret", b"acct", b"topsecret")]
AUTH = ("PIPELINING", "AUTH PLAIN LOGIN")
LOGIN_REPLIES = {"AUTH": "235 2.7.0 Ok"}


def login_host(t, sink, settings=None, name="host"):
    """A host whose relayhost is the sink, and which knows a password for it."""
    hop = f"[127.0.0.1]:{sink.port}"
    return Host(t, {"relayhost": hop, "smtp_sasl_auth_enable": True, "smtp_starttls_timeout": "1s",
                    "smtp_sasl_password_maps": f"inline:{{ {hop}=acct:topsecret }}", **(settings or {})},
                daemons=("smtpd",), name=name)


def send(host):
    with host.smtp() as client:
        client.sendmail("ann@client.test", [FAR], letter("for far", to=FAR))


def deferral(host, wanted):
    """The reason why the message waits."""
    def reason():
        recipients = [one for message in host.queue() for one in message["recipients"]]
        return [one["delay_reason"] for one in recipients if "delay_reason" in one]
    found = eventually(reason, "the message is deferred")[0]
    check(wanted in found, f"deferred with {found!r}, expected {wanted!r}")
    return found


def seen(sink):
    """Passwords that the other side has read in the clear."""
    return [command for command in sink.commands if any(secret in command for secret in SECRETS)]


def judge(what, sink):
    count = len(seen(sink))
    print(f"{what}: the password was sent in the clear {count} times, the mail {len(sink.transactions)} times")
    check(count == 0, f"{what}: {seen(sink)}")
    check(not sink.transactions, f"{what}: the mail went out without the login")


ATTACKS = {
    "STARTTLS is not offered": ({}, AUTH, "without TLS"),
    "STARTTLS is refused": ({"STARTTLS": "454 4.7.0 not now"}, ("STARTTLS", *AUTH), "must protect the login"),
    "the handshake is broken": ({"STARTTLS": "220 go"}, ("STARTTLS", *AUTH), "Cannot start TLS"),
    "EHLO is refused": ({"EHLO": "502 what"}, AUTH, "without TLS"),
    "the login is not offered": ({}, ("PIPELINING",), "offers no SASL mechanism"),
}


@test("with default settings a password never goes out in the clear, whatever somebody in between does")
def attacks(t):
    for number, (what, (answers, keywords, reason)) in enumerate(ATTACKS.items()):
        sink = Sink(t, answers={**LOGIN_REPLIES, **answers}, keywords=keywords)
        host = login_host(t, sink, name=f"host{number}")
        send(host)
        deferral(host, reason)
        judge(what, sink)


@test("over TLS the login works without any more settings")
def over_tls(t):
    sink = Sink(t, answers=LOGIN_REPLIES, keywords=AUTH, certificate=make_certificate(t.folder, "sink.example.net", "sink"))
    host = login_host(t, sink)
    send(host)
    eventually(lambda: sink.transactions, "the mail goes out")
    check(sink.transactions[0].tls and seen(sink), f"the dialogue: {sink.commands}")
    host.wait_queue(0)


@test("an admin may still allow the password in the clear, on a network of his own")
def allowed(t):
    sink = Sink(t, answers=LOGIN_REPLIES, keywords=AUTH)
    host = login_host(t, sink, {"smtp_sasl_security_options": "noanonymous"})
    send(host)
    eventually(lambda: sink.transactions, "the mail goes out")
    check(seen(sink), f"the dialogue: {sink.commands}")


@test("a fallback relay sees no password but its own, and no mail that was to be encrypted")
def fallback(t):
    gone = Sink(t)
    gone.stop()
    other = Sink(t, answers=LOGIN_REPLIES, keywords=AUTH)
    host = login_host(t, gone, {"smtp_fallback_relay": [f"[127.0.0.1]:{other.port}"],
                                "smtp_sasl_security_options": "noanonymous", "smtp_connect_timeout": "2s"})
    send(host)
    eventually(lambda: other.transactions, "the fallback relay gets the mail")
    check(not seen(other), f"the fallback relay reads the relayhost's password: {seen(other)}")
    print(f"the fallback relay read {len(seen(other))} passwords of the relayhost")
    hop = f"[127.0.0.1]:{gone.port}"
    strict = login_host(t, gone, {"smtp_fallback_relay": [f"[127.0.0.1]:{other.port}"], "smtp_connect_timeout": "2s",
                                  "smtp_tls_policy_maps": f"inline:{{ {hop}=encrypt }}"}, name="strict")
    send(strict)
    deferral(strict, "TLS is required")
    check(len(other.transactions) == 1, "mail that was to be encrypted went to the fallback relay in the clear")


@test("a TLS policy with a mistake in it defers the mail, and so does a wrong name in a certificate")
def policies(t):
    certificate = make_certificate(t.folder, "sink.example.net", "sink")
    sink = Sink(t, keywords=("PIPELINING",), certificate=certificate)
    hop = f"[127.0.0.1]:{sink.port}"
    wanted = {"encrypt colour=red": "use match, protocols, ciphers", "none match=sink.example.net": "takes no attributes",
              "dane": "needs smtp_dns_support_level", "encrypt ciphers=best": "write high or medium",
              "secure match=other.example.net": "Server certificate not verified",
              "secure match=.other.example.net": "Server certificate not verified"}
    for number, (policy, reason) in enumerate(wanted.items()):
        host = Host(t, {"relayhost": hop, "smtp_tls_CAfile": certificate[0], "smtp_starttls_timeout": "5s",
                        "smtp_tls_policy_maps": f"inline:{{ {{ {hop}={policy} }} }}"}, daemons=("smtpd",), name=f"host{number}")
        os.chmod(t.folder, 0o755)
        send(host)
        deferral(host, reason)
    check(not sink.transactions, "mail went out against its policy")
    host = Host(t, {"relayhost": hop, "smtp_tls_CAfile": certificate[0],
                    "smtp_tls_policy_maps": f"inline:{{ {{ {hop}=secure match=sink.example.net }} }}"}, daemons=("smtpd",), name="good")
    send(host)
    eventually(lambda: sink.transactions, "the mail goes out where the name is right")
    check(sink.transactions[0].tls, "the mail went out in the clear")
