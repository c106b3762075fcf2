"""A milter on libmilter: notes what it is called with, and does what a file of rules says. See milters.py.

Arguments: its socket, the rules (JSON: {step: [action, ...]}), the file of notes.
"""
import json
import sys

import Milter

PLACE, RULES, NOTES = sys.argv[1:4]
ANSWERS = {"accept": Milter.ACCEPT, "reject": Milter.REJECT, "tempfail": Milter.TEMPFAIL, "discard": Milter.DISCARD}


class Told(Milter.Base):
    def __init__(self):
        self.body_bytes, self.text = 0, b""

    def note(self, step, *what):
        with open(NOTES, "a", encoding="utf-8") as file:
            file.write(json.dumps([step, *what]) + "\n")

    def act(self, step):
        with open(RULES, encoding="utf-8") as file:
            actions = json.load(file).get(step, [])
        answer = Milter.CONTINUE
        for name, *words in actions:
            if name in ANSWERS:
                answer = ANSWERS[name]
            elif name == "reply":
                self.setreply(*words)
                answer = Milter.REJECT if words[0].startswith("5") else Milter.TEMPFAIL
            elif name == "body":
                self.replacebody(words[0].encode() * int(words[1]))
            else:
                getattr(self, name)(*words)
        return answer

    def connect(self, hostname, family, hostaddr):
        self.note("connect", hostname, hostaddr[0] if hostaddr else "", self.getsymval("j"), self.getsymval("{daemon_name}"))
        return self.act("connect")

    def hello(self, hostname):
        self.note("helo", hostname, self.getsymval("{tls_version}"))
        return self.act("helo")

    def envfrom(self, sender, *parameters):
        self.body_bytes, self.text = 0, b""
        self.note("mail", sender, parameters, self.getsymval("i"), self.getsymval("{mail_addr}"), self.getsymval("{auth_authen}"))
        return self.act("mail")

    def envrcpt(self, recipient, *parameters):
        self.note("rcpt", recipient, parameters, self.getsymval("{rcpt_addr}"), self.getsymval("{rcpt_mailer}"))
        return self.act("rcpt " + recipient.strip("<>")) if "rcpt " + recipient.strip("<>") in _rules() else self.act("rcpt")

    def data(self):
        self.note("data")
        return self.act("data")

    def header(self, name, value):
        self.note("header", name, value)
        return self.act("header")

    def eoh(self):
        self.note("eoh")
        return self.act("eoh")

    def body(self, chunk):
        self.body_bytes += len(chunk)
        self.text = (self.text + chunk)[:100]
        return self.act("body")

    def eom(self):
        self.note("eom", self.body_bytes, self.text.decode("latin-1"), self.getsymval("i"))
        return self.act("eom")

    def abort(self):
        self.note("abort")
        return Milter.CONTINUE

    def close(self):
        self.note("close")
        return Milter.CONTINUE

    def unknown(self, command):
        self.note("unknown", command)
        return self.act("unknown")


def _rules():
    with open(RULES, encoding="utf-8") as file:
        return json.load(file)


Milter.factory = Told
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS | Milter.CHGBODY | Milter.ADDRCPT | Milter.DELRCPT | Milter.QUARANTINE
                 | Milter.CHGFROM | Milter.ADDRCPT_PAR)
Milter.runmilter("told", PLACE, 600)
