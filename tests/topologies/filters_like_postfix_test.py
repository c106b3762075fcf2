"""Milters and policy services hear of us what they hear of a real Postfix, and answer both alike."""
import re
import smtplib

from harness import equal, eventually, test
from mailhost import Host
from milters import RealMilter
from policy_services_test import PolicyServer
from postfix import Postfix

MESSAGE = ("From: ann@client.test\r\nTo: alice@example.test\r\nSubject:  two blanks,\r\n\tfolded\r\nX-Empty:\r\n"
           "Date: Sun, 29 Nov 2026 12:00:00 +0000\r\nMessage-Id: <one@client.test>\r\n\r\nbody\r\n..dots\r\n\r\nend\r\n")


def dialogue(address, port):
    """A session with all that a milter may hear of; the replies' codes."""
    with smtplib.SMTP(address, port, timeout=60) as client:
        codes = [client.ehlo("client.example.test")[0], client.docmd("NONSENSE", "x")[0]]
        codes.append(client.mail("ann@client.test", ["SIZE=500", "BODY=8BITMIME"])[0])
        codes.append(client.rcpt("alice@example.test", ["NOTIFY=NEVER"])[0])
        codes.append(client.rcpt("bob@example.test")[0])
        codes.append(client.data(MESSAGE)[0])
        # A message that comes to no end, and one from the null sender.
        codes += [client.mail("ann@client.test")[0], client.rcpt("alice@example.test")[0], client.rset()[0]]
        codes += [client.mail("")[0], client.rcpt("alice@example.test")[0], client.data(MESSAGE)[0]]
    return codes


def heard(milter):
    """Its calls about the session, with queue ids replaced. Left out is what differs: the transports of the two hosts, and
    that Postfix has no queue id before the first recipient."""
    eventually(lambda: len(milter.calls("eom")) == 2 and milter.calls()[-1][0] == "close", "the session's end is heard")
    calls, all_calls = [], milter.calls()
    begin = [one[0] for one in all_calls].index("helo") - 1
    for step, *what in all_calls[begin:]:
        if step == "rcpt":
            what = what[:-1]
        if step == "mail":
            del what[2]
        calls.append([step, *("ID" if isinstance(one, str) and re.fullmatch(r"[0-9A-Za-z]{9,20}", one) else one for one in what)])
    return calls


@test("a milter hears of us in the same order, with the same words and macros, as of Postfix", seconds=300)
def milters(t):
    rules = {"rcpt bob@example.test": [["reply", "550", "5.1.1", "not this one"]]}
    ours, theirs = RealMilter(t, rules, "ours"), RealMilter(t, rules, "theirs")
    host = Host(t, {"smtpd_milters": ours.at, "milter_macro_v": "x"}, daemons=("smtpd",))
    postfix = Postfix(t, "example.test", {"smtpd_milters": theirs.at, "smtpd_peername_lookup": "no"})
    equal(dialogue(host.address, host.port("smtp")), dialogue(postfix.address, postfix.port), "the replies")
    equal(heard(ours), heard(theirs), "what the milters hear")


@test("a policy service learns of us the same attributes as of Postfix, in the same order", seconds=300)
def policy(t):
    requests = []

    def judge(request):
        requests.append(request)
        return "action=DUNNO\n\n"
    server = PolicyServer(t, judge)
    lists = {f"smtpd_{step}_restrictions": f"check_policy_service {server.name}" for step in ("client", "helo", "sender", "data", "end_of_data")}
    lists["smtpd_recipient_restrictions"] = f"check_policy_service {server.name}, permit"
    host = Host(t, {**lists, "smtpd_delay_reject": False}, daemons=("smtpd",))
    postfix = Postfix(t, "example.test", {**lists, "smtpd_peername_lookup": "no", "smtpd_delay_reject": "no"})
    told = []
    for address, port in ((host.address, host.port("smtp")), (postfix.address, postfix.port)):
        requests.clear()
        with smtplib.SMTP(address, port, timeout=60) as client:
            client.ehlo("client.example.test")
            client.mail("ann@client.test", ["SIZE=500"])
            client.rcpt("alice@example.test")
            client.data(MESSAGE)
        told.append([list(request.items()) for request in requests if request["client_address"] == "127.0.0.1" and request["helo_name"] != ""])
    # Postfix says SMTP of a client in its first EHLO, and knows no instance before the first recipient.
    varying = ("client_port", "server_port", "instance", "queue_id", "size")
    same = [[[(name, "" if name in varying or (name == "protocol_name" and ("protocol_state", "EHLO") in request) else value)
              for name, value in request] for request in one] for one in told]
    equal(same[0], same[1], "what the server learns")
    for one in told:
        message = [dict(request) for request in one if dict(request)["protocol_state"] not in ("CONNECT", "EHLO", "MAIL")]
        equal(len({request["instance"] for request in message}), 1, "one instance for one message")
