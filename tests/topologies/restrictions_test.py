"""Restrictions and access tables: a real Postfix and ours, with the same settings, answer the same and log the same."""
import re
import smtplib

from harness import Shared, check, contains, equal, eventually, test
from mailhost import Host, letter
from peers import NameServer
from postfix import Postfix

ANN = "ann@sender.test"

# name: (restrictions, HELO, sender). case_NAME is a class, and NAME the recipient to whom it applies.
CASES = {
    "reject": ("reject", "helo.test", ANN),
    "defer": ("defer", "helo.test", ANN),
    "permit": ("permit, reject", "helo.test", ANN),
    "warn": ("warn_if_reject reject", "helo.test", ANN),
    "warnclass": ("warn_if_reject case_inner", "helo.test", ANN),
    "inner": ("reject_plaintext_session, reject", "helo.test", ANN),
    "ifpermit": ("defer_if_permit", "helo.test", ANN),
    "ifpermitreject": ("defer_if_permit, reject", "helo.test", ANN),
    "ifreject": ("defer_if_reject, reject", "helo.test", ANN),
    "ifboth": ("defer_if_reject, defer_if_permit, reject", "helo.test", ANN),
    "warnifpermit": ("warn_if_reject defer_if_permit", "helo.test", ANN),
    "badhelo": ("reject_invalid_helo_hostname", "a..b", ANN),
    "badliteral": ("reject_invalid_helo_hostname", "[300.1.2.3]", ANN),
    "shorthelo": ("reject_non_fqdn_helo_hostname", "helo", ANN),
    "oldname": ("reject_non_fqdn_hostname", "helo", ANN),
    "shortsender": ("reject_non_fqdn_sender", "helo.test", "ann@host"),
    "plain": ("reject_plaintext_session", "helo.test", ANN),
    "mynetworks": ("permit_mynetworks, reject", "helo.test", ANN),
    "client": ("check_client_access inline:{ {127.0.0.1 = REJECT 5.7.9 go away} }", "helo.test", ANN),
    "network": ("check_client_access inline:{ {127.0 = 450 4.3.2 later} }", "helo.test", ANN),
    "helo": ("check_helo_access inline:{ {helo.test = 554 no such helo} }", "sub.helo.test", ANN),
    "sender": ("check_sender_access inline:{ {ann@sender.test = REJECT} }", "helo.test", ANN),
    "domain": ("check_sender_access inline:{ {sender.test = DEFER not now} }", "helo.test", "ann@sub.sender.test"),
    "localpart": ("check_sender_access inline:{ {ann@ = DEFER} }", "helo.test", ANN),
    "nullsender": ("check_sender_access inline:{ {<> = REJECT no bounces} }", "helo.test", ""),
    "statusmapped": ("check_sender_access inline:{ {ann@sender.test = 550 5.1.1 unknown} }", "helo.test", ANN),
    "recipientstatus": ("check_recipient_access inline:{ {example.test = 550 5.1.8 unknown} }", "helo.test", ANN),
    "clientstatus": ("check_client_access inline:{ {127.0.0.1 = 550 5.1.1 unknown} }", "helo.test", ANN),
    "tablepermit": ("check_sender_access inline:{ {ann@sender.test = DEFER_IF_PERMIT} }", "helo.test", ANN),
    "tablepermitreject": ("check_sender_access inline:{ {ann@sender.test = DEFER_IF_PERMIT a b} }, reject", "helo.test", ANN),
    "tablereject": ("check_sender_access inline:{ {ann@sender.test = DEFER_IF_REJECT 4.7.9 why} }, reject", "helo.test", ANN),
    "digits": ("check_sender_access inline:{ {ann@sender.test = 1234567} }, reject", "helo.test", ANN),
    "barecode": ("check_sender_access inline:{ {ann@sender.test = 550} }, reject", "helo.test", ANN),
    "dunno": ("check_sender_access inline:{ {ann@sender.test = DUNNO} }, reject", "helo.test", ANN),
    "list": ("check_sender_access inline:{ {ann@sender.test = permit_sasl_authenticated, reject} }", "helo.test", ANN),
    "class": ("check_sender_access inline:{ {ann@sender.test = case_inner} }", "helo.test", ANN),
    "nonsense": ("check_sender_access inline:{ {ann@sender.test = FROBNICATE} }", "helo.test", ANN),
    "info": ("check_sender_access inline:{ {ann@sender.test = INFO seen again} }", "helo.test", ANN),
    "warned": ("check_sender_access inline:{ {ann@sender.test = WARN odd one} }, reject", "helo.test", ANN),
    "hold": ("check_sender_access inline:{ {ann@sender.test = HOLD} }, reject", "helo.test", ANN),
    "holdtext": ("check_sender_access inline:{ {ann@sender.test = HOLD looks odd} }, reject", "helo.test", ANN),
    "redirect": ("check_sender_access inline:{ {ann@sender.test = REDIRECT b@example.test} }, reject", "helo.test", ANN),
    "bcc": ("check_sender_access inline:{ {ann@sender.test = BCC b@example.test} }, reject", "helo.test", ANN),
    "reverse": ("check_reverse_client_hostname_access inline:{ {localhost = REJECT} }", "helo.test", ANN),
    "reverseok": ("check_reverse_client_hostname_access inline:{ {localhost = OK} }", "helo.test", ANN),
    "bounce": ("reject_multi_recipient_bounce", "helo.test", ""),
    "sleep": ("sleep 1, reject", "helo.test", ANN),
    "unauth": ("reject_unauth_destination, reject", "helo.test", ANN),
    "authdest": ("permit_auth_destination, reject", "helo.test", ANN),
    "codes": ("check_sender_access inline:{ {ann@sender.test = REJECT 4.7.1 x} }", "helo.test", ANN),
}
CLASSES = {"smtpd_restriction_classes": ", ".join(f"case_{name}" for name in CASES),
           "access_map_reject_code": "553", "plaintext_reject_code": "550",
           "smtpd_recipient_restrictions": "check_recipient_access texthash:%s, permit_mynetworks, reject",
           "smtpd_reject_unlisted_recipient": "no", "smtpd_soft_error_limit": "1000", "smtpd_hard_error_limit": "2000",
           "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
           "mynetworks": "127.0.0.0/8", "smtpd_peername_lookup": "yes"}


class Both:
    """Ours and a real Postfix, with the same lists, classes and tables."""

    def __init__(self, t):
        self.ours = Host(t, {}, daemons=["smtpd"], start=False)
        table = self.ours.write("etc/cases", "".join(f"{name}@example.test case_{name}\n" for name in CASES))
        settings = {**CLASSES, **{f"case_{name}": lists for name, (lists, _, _) in CASES.items()}}
        settings["smtpd_recipient_restrictions"] %= table
        self.theirs = Postfix(t, "example.test", settings)
        self.ours.settings.update({**settings, "mydestination": "example.test"})
        self.ours.write_settings()
        self.ours.start()


both = Shared(Both)


def answers(address, port, name):
    """The replies to one case, without what differs by nature."""
    _, helo, sender = CASES[name]
    with smtplib.SMTP(address, port, timeout=60) as client:
        replies = [client.docmd(f"EHLO {helo}")[0], client.docmd(f"MAIL FROM:<{sender}>")]
        for _ in range(2 if name == "bounce" else 1):
            replies.append(client.docmd(f"RCPT TO:<{name}@example.test>"))
    return replies


def decisions(log, name):
    """What the log says of one case: from the action on."""
    lines = re.findall(r"NOQUEUE: (\w+: RCPT from .*)", log)
    return [line.rstrip() for line in lines if f"to=<{name}@example.test>" in line]


@test("Postfix and ours answer the same restrictions, tables and classes with the same words, and log them alike", seconds=120)
def same_answers(_):
    pair = both.get()
    for name in CASES:
        ours, theirs = (answers(host.address, port, name) for host, port in
                        ((pair.ours, pair.ours.port("smtp")), (pair.theirs, pair.theirs.port)))
        equal(ours, theirs, f"the answers of {name}: {CASES[name][0]}")
        is_told = ours[2][0] >= 400
        eventually(lambda: agree(pair, name, is_told), f"both logs tell the same of {name}")  # pylint: disable=cell-var-from-loop


def agree(pair, name, is_told):
    """Whether both logs have the same lines about a case, and any where it was refused."""
    ours, theirs = decisions(pair.ours.log(), name), decisions(pair.theirs.log(), name)
    check(ours == theirs, f"ours: {ours}, Postfix's: {theirs}")
    return ours or not is_told


class Named:
    """A host that asks a name server of the test's about its clients and senders."""

    def __init__(self, t):
        self.names = NameServer(
            t, "--mx-host=sender.test,mx.trap.test,10", "--host-record=mx.trap.test,203.0.113.9",
            "--mx-host=null.test,.,0", "--host-record=alone.test,203.0.113.10",
            "--host-record=1.0.0.127.bl.test,127.0.0.4", "--txt-record=1.0.0.127.bl.test,caught you",
            "--host-record=sender.test.rhsbl.test,127.0.0.2",
            # The records of NS, whose data are the name ns.bulk.test.
            "--dns-rr=bulk.test,2,026e730462756c6b047465737400", "--host-record=ns.bulk.test,203.0.113.11")
        self.host = Host(t, {
            "mydestination": "example.test", "dns_servers": self.names.address, "mynetworks": "127.0.0.9",
            "smtpd_relay_restrictions": "reject_unauth_destination", "smtpd_peername_lookup": "no",
            "smtpd_restriction_classes": "mx, ns, own, unknown, rhsbl, bl",
            "mx": "check_sender_mx_access inline:{ {203.0.113.9 = REJECT host of spammers} }",
            "ns": "check_sender_ns_access inline:{ {ns.bulk.test = REJECT} }",
            "own": "check_sender_a_access inline:{ {203.0.113 = REJECT} }",
            "unknown": "reject_unknown_sender_domain",
            "bl": "reject_rbl_client bl.test=127.0.0.[2;4..6]",
            "rhsbl": "reject_rhsbl_sender rhsbl.test",
            "smtpd_recipient_restrictions": "check_recipient_access inline:{ {mx@ = mx}, {ns@ = ns}, {own@ = own}, "
                                            "{unknown@ = unknown}, {rhsbl@ = rhsbl}, {bl@ = bl} }",
            "smtpd_reject_unlisted_recipient": "no"}, daemons=["smtpd"])

    def rcpt(self, name, sender):
        with smtplib.SMTP(self.host.address, self.host.port("smtp"), timeout=60) as client:
            client.ehlo("helo.test")
            client.mail(sender)
            code, text = client.rcpt(f"{name}@example.test")
            return f"{code} {text.decode()}"


named = Shared(Named)


@test("senders are refused by the mail hosts, name servers and addresses that DNS gives their domain")
def by_hosts(_):
    host = named.get()
    equal(host.rcpt("mx", ANN), f"554 5.7.1 <{ANN}>: Sender address rejected: host of spammers", "by MX")
    equal(host.rcpt("mx", "a@alone.test"), "250 2.1.5 Ok", "another MX")
    equal(host.rcpt("own", "a@alone.test"), "554 5.7.1 <a@alone.test>: Sender address rejected: Access denied", "by A")
    equal(host.rcpt("own", ANN), "250 2.1.5 Ok", "no A")
    equal(host.rcpt("ns", "a@mail.bulk.test"), "554 5.7.1 <a@mail.bulk.test>: Sender address rejected: Access denied", "by NS")
    equal(host.rcpt("unknown", "a@nowhere.test"), "450 4.1.8 <a@nowhere.test>: Sender address rejected: Domain not found",
          "a domain that is not there")
    equal(host.rcpt("unknown", "a@alone.test"), "250 2.1.5 Ok", "a domain that is there")


@test("a list in DNS refuses with its answer's number chosen and its reason told")
def by_lists(_):
    host = named.get()
    equal(host.rcpt("rhsbl", ANN), f"554 5.7.1 Service unavailable; Sender address [{ANN}] blocked using rhsbl.test", "rhsbl")
    equal(host.rcpt("rhsbl", "a@alone.test"), "250 2.1.5 Ok", "not listed")
    equal(host.rcpt("bl", ANN), "554 5.7.1 Service unavailable; Client host [127.0.0.1] blocked using bl.test; caught you", "rbl")
