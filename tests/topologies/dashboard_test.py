"""The dashboard of contrib/grafana: a real Prometheus has an answer to each question that its panels ask."""
import imaplib
import json
import os
import smtplib
import socket
import subprocess
import time
import urllib.parse
import urllib.request

from harness import check, equal, eventually, test
from mailhost import Host, as_user, free_port, give, has_program, letter

HERE = os.path.dirname(os.path.abspath(__file__))
DASHBOARD = os.path.join(HERE, "..", "..", "contrib", "grafana", "pennypost.json")
ALICE = "alice@example.test"


class Prometheus:
    """Asks a host for its figures each second."""

    def __init__(self, t, target):
        folder, self.port = os.path.join(t.folder, "prometheus"), free_port()
        os.mkdir(folder)
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="ascii") as file:
            file.write(f"global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: pennypost\n  static_configs:\n  - targets: [\"{target}\"]\n")
        give(folder)
        with open(os.path.join(t.folder, "prometheus.err"), "wb") as errors:
            process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                        f"--web.listen-address=127.0.0.1:{self.port}"], stdout=errors, stderr=errors, **as_user())
        t.cleanup(process.wait)
        t.cleanup(process.terminate)

    def ask(self, query):
        """The series that answer the query now; none before it listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": query}), timeout=30) as reply:
                answer = json.load(reply)
        except OSError:
            return []
        equal(answer["status"], "success", query)
        return answer["data"]["result"]


def questions():
    """What the panels ask: [(title, query)]."""
    with open(DASHBOARD, encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])]


def load(host):
    """Something of all that the figures tell: mail sent, put off, refused and cut off; logins, right and wrong ones."""
    with host.smtp() as client:
        client.sendmail("ann@client.test", [ALICE], letter("for here", to=ALICE))
        client.sendmail(ALICE, ["far@far.test"], letter("for far away", to="far@far.test"))
        equal(client.docmd("MAIL", "FROM:<ann@client.test>")[0], 250, "a sender")
        check(client.docmd("RCPT", "TO:<nobody@example.test>")[0] >= 500, "nobody is not refused")
    with socket.create_connection((host.address, host.port("smtp")), 60) as stream:
        stream.recv(200)
        stream.sendall(b"EHLO client.test\r\nMAIL FROM:<ann@client.test>\r\n")
        stream.recv(200)
    for password in ("wrong", host.users[ALICE]):
        with imaplib.IMAP4(host.address, host.port("imap")) as client:
            try:
                client.login(ALICE, password)
            except imaplib.IMAP4.error:
                continue
            client.select()
            client.fetch("1:*", "(FLAGS ENVELOPE)")


@test("each panel of the dashboard has its figures in a real Prometheus, while the host has mail and clients", seconds=240)
def dashboard(t):
    check(has_program("prometheus"), "prometheus is missing; contrib/packages/test lists it")
    metrics = free_port()
    host = Host(t, {"metrics_port": metrics, "mynetworks": ["127.0.0.0/8"], "transport_maps": f"inline:{{far.test=smtp:[127.0.0.1]:{free_port()}}}",
                    "disable_plaintext_auth": False})
    prometheus = Prometheus(t, f"127.0.0.1:{metrics}")
    all_questions = questions()
    check(len(all_questions) > 20, f"only {len(all_questions)} questions")

    load(host)
    eventually(lambda: prometheus.ask("pennypost_decisions_total"), "Prometheus has the figures")
    load(host)  # a rate is of what grows from one look to the next

    def unanswered():
        return [(title, query) for title, query in all_questions if not prometheus.ask(query)]
    end = time.monotonic() + 60
    eventually(lambda: not unanswered() or time.monotonic() > end, "the figures", 120)
    equal(unanswered(), [], "panels without figures")

    def value(query):
        answer = prometheus.ask(query)
        return float(answer[0]["value"][1]) if answer else 0
    load(host)
    eventually(lambda: value('sum(increase(pennypost_logins_total{result="failure"}[1h]))') > 0, "the wrong passwords are told")
    eventually(lambda: value("sum(pennypost_queue_messages)") >= 1, "what waits is told")
