"""`pennypost start` and `reload` say what the processes have answered; a reload is in force everywhere or nowhere."""
import os
import signal
import socket
import subprocess

from harness import check, contains, equal, eventually, test
from mailhost import TOP, Host, letter
from peers import Sink

ALICE, BOB = "alice@example.test", "bob@example.test"


def stop(host):
    host.command("pennypost", "stop", ok=False)


def started(t, settings=None):
    host = Host(t, settings, start=False)
    t.cleanup(stop, host)
    done = host.command("pennypost", "start")
    equal([line.split(",")[0] for line in done.stdout.splitlines()],
          ["smtpd: started", "popd: started", "imapd: started"], "what start says")
    return host



def change(host, settings):
    host.settings.update(settings)
    host.settings = {key: value for key, value in host.settings.items() if value is not None}
    host.write_settings()


def greeting(host, port):
    with socket.create_connection((host.near, host.port(port)), timeout=10) as stream:
        return stream.recv(512).decode()



@test("pennypost start returns when every process serves, and at once all ports answer")
def start_serves(t):
    host = started(t)
    contains(greeting(host, "smtp"), "220 ", "smtpd's greeting")
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("as soon as start has returned"))
    host.wait_messages(BOB, 1)
    equal(sorted(name for name in os.listdir(host.path("run")) if name.endswith(".socket")),
          ["imapd.socket", "popd.socket", "smtpd.socket"], "the masters' sockets")
    host.command("pennypost", "stop")
    equal([name for name in os.listdir(host.path("run")) if name.endswith(".socket")], [], "sockets after the stop")


@test("pennypost start says which process hinders it and why, with exit status 1")
def start_tells(t):
    host = Host(t, {"transport_maps": "hash:/nowhere/transport"}, start=False)
    t.cleanup(stop, host)
    done = host.command("pennypost", "start", ok=False)
    equal(done.returncode, 1, "the status")
    contains(done.stderr, "smtpd: lookup: ", "whose trouble it is")
    contains(done.stderr, "transport_maps: ", "which setting's")
    # A process that can't serve at all: the database of the queue belongs to nobody who could open it.
    host.command("pennypost", "stop")
    change(host, {"transport_maps": None})
    host.write("queue/db/CURRENT", "this is no RocksDB\n")
    for name in os.listdir(host.path("queue", "db")):
        os.chmod(host.path("queue", "db", name), 0)
    os.chmod(host.path("queue", "db"), 0o500)
    done = host.command("pennypost", "start", ok=False)
    os.chmod(host.path("queue", "db"), 0o700)
    if os.geteuid() == 0 and done.returncode == 0:
        return  # salvaged by who may do everything
    equal(done.returncode, 1, "the status")
    contains(done.stderr, "smtpd: queue: ", "whose trouble it is")


@test("a reload that one process of one daemon can't serve changes nothing in any of them; one that all can, all")
def all_or_nothing(t):
    host = started(t)
    table = "hash:" + host.path("etc", "transport")
    # imapd and popd could take both; smtpd's lookup can't open the table, and check is not asked.
    change(host, {"login_greeting": "Not yet.", "smtpd_banner": "$myhostname ESMTP not yet", "transport_maps": table})
    done = host.command("pennypost", "reload", ok=False)
    equal(done.returncode, 1, "the status of a refused reload")
    contains(done.stderr, "transport_maps: ", "the reason")
    contains(done.stderr, "not reloaded: all daemons go on as before", "the outcome")
    for port in ("smtp", "pop3", "imap"):
        check("yet" not in greeting(host, port), f"{port} goes on as before")
    # The same by SIGHUP to smtpd alone.
    with open(host.path("run", "smtpd.pid"), encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGHUP)
    host.wait_log(r"error: reload: lookup: .*transport_maps: .*transport")
    host.wait_log(r"error: reload: the configuration is wrong; the old one stays in force")
    check("yet" not in greeting(host, "smtp"), "smtp goes on as before after SIGHUP")
    with host.smtp() as client:
        client.sendmail(ALICE, [BOB], letter("by the old settings"))
    host.wait_messages(BOB, 1)
    host.write("etc/transport", "elsewhere.test error:5.1.1 gone\n")
    host.command("postmap", host.path("etc", "transport"))
    done = host.command("pennypost", "reload")
    equal(done.stdout.splitlines(), ["smtpd: reloaded", "popd: reloaded", "imapd: reloaded"], "what reload says")
    for port in ("smtp", "pop3", "imap"):
        contains(greeting(host, port), "ot yet", f"{port} has the new settings when reload returns")


@test("a port that another program has is found by the daemon itself at a reload, and no daemon changes")
def port_taken(t):
    host = started(t)
    taken = socket.create_server((host.address, 0))
    t.cleanup(taken.close)
    before = host.port("imap")
    change(host, {"login_greeting": "Not yet.", "imap_port": taken.getsockname()[1]})
    done = host.command("pennypost", "reload", ok=False)
    equal(done.returncode, 1, "the status")
    contains(done.stderr, "imapd: imap: listen on ", "who refuses, and why")
    check("yet" not in greeting(host, "pop3"), "popd goes on as before")
    host.settings["imap_port"] = before
    check("yet" not in greeting(host, "imap"), "imapd goes on as before")


@test("a daemon that the protocols do not name any more ends at the reload; the queue can't be moved by one")
def protocols(t):
    host = started(t)
    change(host, {"protocols": "imap"})
    done = host.command("pennypost", "reload")
    contains(done.stdout, "popd: stopped", "what reload says")
    equal([name for name in ("smtpd", "popd", "imapd") if os.path.exists(host.path("run", name + ".socket"))],
          ["smtpd", "imapd"], "who still runs")
    change(host, {"queue_directory": host.path("queue2")})
    done = host.command("pennypost", "reload", ok=False)
    equal(done.returncode, 1, "the status")
    contains(done.stderr, "queue_directory: is ", "the reason")


@test("ssl = no and a reload close 993 and 995, and no other port")
def ssl_no(t):
    host = started(t)
    change(host, {"ssl": "no"})
    host.command("pennypost", "reload")

    def is_open(port):
        try:
            socket.create_connection((host.near, host.port(port)), timeout=5).close()
            return True
        except OSError:
            return False
    eventually(lambda: not is_open("imaps") and not is_open("pop3s"), "993 and 995 are closed")
    check(is_open("imap") and is_open("pop3") and is_open("submissions"), "the other ports are open")


def processes(host, kind):
    return host.pids("smtpd").get("smtpd: " + kind, [])


@test("pennypost reload returns when lookup has switched, so that postqueue -f after it sends to the new relayhost alone", alone=True)
def flush_after_reload(t):
    old, new = Sink(t, answers={"MAIL": "450 4.3.0 not now"}), Sink(t)
    host = Host(t, {"relayhost": f"[{old.address}]:{old.port}"}, daemons=("smtpd", "popd"))
    host.command("sendmail", "-f", ALICE, "zoe@far.test", input="Subject: waits\n\nHello.\n")
    eventually(lambda: "status=deferred" in host.log(), "the old relayhost does not take it")
    asked = len(old.commands)
    change(host, {"relayhost": f"[{new.address}]:{new.port}", "protocols": "pop3"})
    # popd lets the command wait between its two steps; lookup, which has agreed by then, is late in the second.
    popd, lookup = host.running["popd"].pid, processes(host, "lookup")[0]
    receiving = len(processes(host, "receive"))
    os.kill(popd, signal.SIGSTOP)
    t.cleanup(os.kill, popd, signal.SIGCONT)
    command = subprocess.Popen([os.path.join(host.bin, "pennypost"), "reload", "-c", host.etc], cwd=TOP, env=host.environment(),
                               stdout=subprocess.PIPE, text=True, **host.identity())
    t.cleanup(command.kill)
    eventually(lambda: len(processes(host, "receive")) > receiving, "smtpd tries the new configuration")
    os.kill(lookup, signal.SIGSTOP)
    os.kill(popd, signal.SIGCONT)
    host.wait_log(r"smtpd.*: reload")
    try:
        command.wait(timeout=1)
    except subprocess.TimeoutExpired:
        pass
    is_waiting = command.poll() is None
    os.kill(lookup, signal.SIGCONT)
    contains(command.communicate(timeout=20)[0], "smtpd: reloaded", "what reload says")
    check(is_waiting, "reload waits for lookup")
    check("takes the new configuration later" not in host.log(), "reload has not waited to the end of its patience")
    host.command("postqueue", "-f")
    eventually(lambda: new.transactions, "the mail is at the new relayhost")
    equal(len(old.commands), asked, "what the old one has been asked since")
    host.wait_queue(0)
