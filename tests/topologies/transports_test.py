"""Transports and services of an admin's own: [transport.NAME] and [service.NAME] of main.toml."""
import os
import re
import smtplib

from harness import check, contains, equal, eventually, test
from mailhost import Host, free_port
from peers import Sink
from postfix import Postfix

SHOW = r"""#!/bin/sh
# Keeps its arguments, each ended by NUL, and its input.
folder=$1; shift
number=$(mktemp -u XXXXXXXX)
for argument; do printf '%s\0' "$argument"; done > "$folder/$number.args.new"
cat > "$folder/$number.text"
mv "$folder/$number.args.new" "$folder/$number.args"
"""
# As SMTP has them; each is one argument, and nothing in it means anything.
RECIPIENTS = ["-rf@pipe.test", '"a b"@pipe.test', "$HOME@pipe.test", "`id`@pipe.test", '"x;y"@PIPE.test', "user+Ext@Pipe.Test",
              '"q\\"uote"@pipe.test', "${sender}@pipe.test", "a*b?@pipe.test", "{c}@pipe.test"]
ARGUMENTS = ["-f", "${sender}", "--", "${recipient}", "u=${user}", "e=${extension}", "d=${domain}", "m=${mailbox}", "n=${nexthop}",
             "$$x", "s=$size"]


def shown(folder, count):
    """What the command kept, as pairs of arguments and input."""
    def names():
        return sorted(name for name in os.listdir(folder) if name.endswith(".args"))
    eventually(lambda: len(names()) >= count, f"the command has run {count} times")
    runs = []
    for name in names():
        with open(os.path.join(folder, name), "rb") as file:
            arguments = file.read().split(b"\0")[:-1]
        with open(os.path.join(folder, name[:-5] + ".text"), "rb") as file:
            runs.append(([argument.decode() for argument in arguments], file.read().decode()))
    return runs


def folder_of(t, name):
    """A folder for all, below that of the test or below another."""
    path = os.path.join(getattr(t, "folder", t), name)
    os.makedirs(path)
    os.chmod(path, 0o777)
    return path


def script_of(t, name, text):
    path = os.path.join(t.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)
    return path


def send(address, port, recipients, sender="ann@client.test", text="Subject: x\r\n\r\n.dot\r\nFrom here\r\nend\r\n"):
    with smtplib.SMTP(address, port, timeout=60, local_hostname="client.test") as client:
        client.ehlo()
        check(client.docmd(f"MAIL FROM:<{sender}>")[0] == 250, "the sender is taken")
        for recipient in recipients:
            code, reply = client.docmd(f"RCPT TO:<{recipient}>")
            check(code == 250, f"{recipient}: {code} {reply}")
        code, reply = client.data(text.encode())
        check(code == 250, f"DATA: {code} {reply}")


def normal(run):
    """Without what differs from host to host: trace fields, the size that counts them, and the order of recipients."""
    arguments, text = run
    equal((arguments[0], arguments[2]), ("-f", "--"), "what stands before the recipients")
    arguments = arguments[:3] + sorted(re.sub(r"^s=\d+$", "s=N", argument) for argument in arguments[3:])
    text = re.sub(r"(?m)^(Received|Message-I[dD]|Date|From): .*\n([ \t].*\n)*", "", text)
    return arguments, re.sub(r"(?m)^From (\S+) .*", r"From \1 DATE", text)


@test("a pipe transport gives each recipient as one argument, whatever it holds, and the message as its flags say, as Postfix does")
def pipe_arguments(t):
    script = script_of(t, "show", SHOW)
    ours, theirs = folder_of(t, "ours"), folder_of(t, "theirs")
    flags = {"plain": "", "full": "FRBhu.>q", "single": "DO"}
    ways = {f"{name}.test": f"{name}:Shelf" for name in flags}
    host = Host(t, {"mydestination": "", "relay_domains": list(ways), "recipient_delimiter": "+", "allow_min_user": True,
                    "transport_maps": "inline:{%s}" % ", ".join(f"{{{domain}={way}}}" for domain, way in ways.items())},
                daemons=("smtpd",),
                sections={f"transport.{name}": {"kind": "pipe", "user": "nobody", "flags": text, "null_sender": "NOBODY",
                                                "argv": [script, folder_of(ours, name), *ARGUMENTS]} for name, text in flags.items()})
    postfix = Postfix(t, "none.test", {"relay_domains": ", ".join(ways), "recipient_delimiter": "+",
                                       "single_destination_recipient_limit": "1", "allow_min_user": "yes",
                                       "transport_maps": "inline:{%s}" % ", ".join(f"{{{domain}={way}}}" for domain, way in ways.items())},
                      services="".join(f"{name} unix - n n - - pipe\n  {f'flags={text}' if text else ''} user=nobody null_sender=NOBODY "
                                       f"argv={script} {folder_of(theirs, name)} {' '.join(ARGUMENTS)}\n" for name, text in flags.items()))
    senders = ("ann@client.test", '"a b"@client.test', "")
    for name in flags:
        recipients = [recipient.replace("pipe.test", f"{name}.test").replace("PIPE.test", f"{name.upper()}.test")
                      .replace("Pipe.Test", f"{name}.Test") for recipient in RECIPIENTS]
        for sender in senders:
            send(host.address, host.port("smtp"), recipients, sender)
            send(postfix.address, postfix.port, recipients, sender)
    for name in flags:
        count = len(senders) * (len(RECIPIENTS) if name == "single" else 1)
        equal(sorted(map(normal, shown(os.path.join(ours, name), count))),
              sorted(map(normal, shown(os.path.join(theirs, name), count))), name)
    eventually(lambda: not host.queue(), "nothing is left in the queue")
    contains(host.log(), "(delivered via full service)", "the log")


@test("a pipe command's exit status, or the status code that it prints, decides; its output is in the log and in the report")
def pipe_outcomes(t):
    script = script_of(t, "judge", """#!/bin/sh
cat > /dev/null
case $1 in
  full) echo 4.2.2 mailbox full; exit 67;;
  gone) echo 5.1.6 moved away; exit 75;;
  nobody) echo no such user; exit 67;;
  later) echo come again; exit 75;;
  strange) exit 9;;
  slow) exec sleep 100;;
esac
echo taken
""")
    host = Host(t, {"transport_maps": "inline:{{pipe.test=judge:}}", "minimal_backoff_time": "600s"}, daemons=("smtpd",),
                sections={"transport.judge": {"kind": "pipe", "user": "nobody", "argv": f"{script} ${{user}}", "time_limit": "2s", "size": 3000,
                                              "destination_recipient_limit": 1}})
    for name in ("full", "gone", "nobody", "later", "strange", "slow", "good"):
        send(host.address, host.port("smtp"), [f"{name}@pipe.test"], "alice@example.test")
    send(host.address, host.port("smtp"), ["large@pipe.test"], "alice@example.test", "Subject: x\r\n\r\n" + "y" * 70 + "\r\n" * 3000)
    for name, status in {
            "full": "dsn=4.2.2, status=deferred (mailbox full)",
            "gone": "dsn=5.1.6, status=bounced (moved away)",
            "nobody": "dsn=5.1.1, status=bounced (user unknown. Command output: no such user)",
            "later": "dsn=4.3.0, status=deferred (temporary failure. Command output: come again)",
            "strange": f'dsn=5.3.0, status=bounced (Command died with status 9: "{script}")',
            "slow": f'dsn=4.3.0, status=deferred (Command time limit exceeded: "{script}")',
            "large": "dsn=5.2.3, status=bounced (message too large)",
            "good": "dsn=2.0.0, status=sent (delivered via judge service. Command output: taken)"}.items():
        host.wait_log(rf"pipe\[\d+\]: \w+: to=<{name}@pipe\.test>, relay=judge, .*" + re.escape(status))
    reports = host.wait_messages("alice@example.test", 4)
    texts = []
    for path in reports:
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    check(any("Command output: no such user" in text for text in texts), "the report shows what the command said")


@test("mail for a transport that does not exist waits and is not returned; check names the table's line")
def no_transport(t):
    host = Host(t, {"transport_maps": "inline:{{odd.test=uucp:x}}"}, daemons=("smtpd",))
    send(host.address, host.port("smtp"), ["bob@odd.test"])
    host.wait_log(r'to=<bob@odd\.test>, .*dsn=4\.3\.5, status=deferred \("uucp" is no transport; there are local, ')
    equal(len(host.queue()), 1, "messages that wait")
    host.write("etc/ways", "odd.test uucp:x\n")
    host.settings["transport_maps"] = "texthash:" + host.path("etc/ways")
    host.write_settings()
    done = host.command("pennypost", "check", ok=False)
    check(done.returncode != 0, "check finds it")
    contains(done.stdout + done.stderr, 'ways:1: "uucp" is no transport; there are ', "what check says")


@test("a transport of kind smtp has its own HELO name, limits, login and fallback; other mail goes as before")
def smtp_overrides(t):
    usual, own, fallback = Sink(t), Sink(t, answers={"RCPT TO:<later": "450 4.2.1 not now"}), Sink(t)
    host = Host(t, {"transport_maps": f"inline:{{{{own.test=patient:[127.0.0.1]:{own.port}}}, {{*=smtp:[127.0.0.1]:{usual.port}}}}}",
                    "mydestination": ""}, daemons=("smtpd",),
                sections={"transport.patient": {"kind": "smtp", "smtp_helo_name": "other.example.test", "smtp_bind_address": "127.0.0.9",
                                                "smtp_fallback_relay": f"[127.0.0.1]:{fallback.port}", "destination_recipient_limit": 1}})
    send(host.address, host.port("smtp"), ["a@own.test", "b@own.test", "later@own.test"])
    send(host.address, host.port("smtp"), ["a@usual.test", "b@usual.test"])
    eventually(lambda: len(own.transactions) == 2 and len(usual.transactions) == 1 and len(fallback.transactions) == 1, "all mail has come")
    equal({one.sender for one in own.transactions}, {"ann@client.test"}, "senders")
    check("EHLO other.example.test" in own.commands and "EHLO other.example.test" in fallback.commands, "the transport's own name")
    check("EHLO mail.example.test" in usual.commands, "the host's name")
    equal(sorted(usual.transactions[0].recipients), ["a@usual.test", "b@usual.test"], "one delivery for both")


@test("[service.NAME] is another port with its own settings: a second submission, which reload opens and closes")
def own_service(t):
    second = free_port()
    host = Host(t, daemons=("smtpd",), sections={"service.second": {"kind": "submission", "port": second, "smtpd_helo_required": True,
                                                                    "smtpd_banner": "$myhostname second", "smtpd_tls_auth_only": False,
                                                                    "syslog_name": "pennypost/second"}})

    def greeting():
        try:
            with smtplib.SMTP(host.address, second, timeout=60) as client:
                client.ehlo("client.test")
                equal(client.docmd("MAIL FROM:<a@b.test>"), (530, b"5.7.0 Authentication required"), "it wants a login")
                client.login("alice@example.test", host.users["alice@example.test"])
                client.sendmail("alice@example.test", ["bob@example.test"], "Subject: second\r\n\r\nx\r\n")
                return True
        except OSError:
            return False
    check(greeting(), "the service answers")
    host.wait_messages("bob@example.test", 1)
    host.wait_log(r"pennypost/second/smtpd\[\d+\]: \w+: client=")
    contains(host.command("postconf", "-n").stdout, f"service.second.port = {second}", "postconf -n")
    section = host.sections.pop("service.second")
    host.write_settings()
    host.reload("smtpd")
    eventually(lambda: not greeting(), "the port is closed")
    host.sections["service.second"] = section
    host.write_settings()
    host.reload("smtpd")
    eventually(greeting, "the port is open again")
