"""Others that judge a message's signatures, SPF and policies: dkimpy and rspamd, with the DNS of a test's name server."""
import json
import os
import re
import signal
import subprocess
import urllib.request

from debian_modules import debian_module
from harness import check, eventually
from mailhost import as_user, free_port, give, has_program


def txt_of(name_server):
    """A function as dkimpy calls it, for the TXT records of a NameServer."""
    resolver = debian_module("dns.resolver", "python3-dnspython").Resolver(configure=False)
    resolver.nameservers, resolver.port = [name_server.host], name_server.port

    def txt(name, timeout=5):
        name = name.decode() if isinstance(name, bytes) else name
        return b"".join(resolver.resolve(name, "TXT", lifetime=timeout)[0].strings)
    return txt


def dkim_verdicts(data, name_server):
    """What dkimpy says of each DKIM signature: {selector: bool}."""
    message = debian_module("dkim", "python3-dkim").DKIM(data, minkey=1024)
    fields = [value for name, value in message.headers if name.lower() == b"dkim-signature"]
    selectors = [re.search(rb"\bs=([^;\s]+)", field).group(1).decode() for field in fields]
    return {selector: message.verify(at, dnsfunc=txt_of(name_server)) for at, selector in enumerate(selectors)}


def arc_verdict(data, name_server):
    """What dkimpy says of the ARC chain: (b"pass", [for each set, the newest first], reason)."""
    dkim = debian_module("dkim", "python3-dkim")
    status, sets, reason = dkim.ARC(data, minkey=1024).verify(dnsfunc=txt_of(name_server))
    return status, sets, reason


class Rspamd:
    """A real rspamd that asks the name server and judges by SPF, DKIM, ARC and DMARC alone."""

    def __init__(self, t, name_server):
        check(has_program("rspamd"), "rspamd is missing; contrib/packages/test lists it")
        self.port = free_port()
        folder = os.path.join(t.folder, "judge-rspamd")
        os.makedirs(folder)
        # Debian's list of top-level domains takes it half a minute to compile.
        with open(os.path.join(folder, "tld"), "w", encoding="ascii") as file:
            file.write("test\n")
        plugins = "".join(f'path = "/usr/share/rspamd/plugins/{name}.lua"; ' for name in ("spf", "arc", "dmarc"))
        path = os.path.join(folder, "rspamd.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"""options {{ pidfile = "{folder}/pid"; filters = "dkim"; control_socket = "{folder}/control.sock mode=0600";
  hs_cache_dir = "{folder}"; tempdir = "{folder}"; url_tld = "{folder}/tld"; local_addrs = [];
  dns {{ nameserver = ["{name_server.host}:{name_server.port}:1"]; timeout = 5s; retransmits = 2; }} }}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; }}
modules {{ {plugins} }}
dkim {{ }} spf {{ }} arc {{ }} dmarc {{ }}
worker "normal" {{ bind_socket = "127.0.0.1:{self.port}"; count = 1; }}
""")
        give(folder)
        for name in os.listdir(folder):
            give(os.path.join(folder, name))
        with open(os.path.join(folder, "err"), "wb") as errors:
            self.process = subprocess.Popen(["rspamd", "-f", "-c", path], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                            start_new_session=True, **as_user())
        t.cleanup(self.stop)
        eventually(lambda: self.ask("ping") == b"pong\r\n", "rspamd answers", 120)

    def ask(self, what, data=None, headers=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{what}", data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except OSError:
            return None

    def symbols(self, data, address, sender):
        """The names of what rspamd finds in a message that came from this client: R_DKIM_ALLOW, ARC_ALLOW, ..."""
        answer = self.ask("checkv2", data, {"IP": address, "From": sender, "Helo": "mail.example.test"})
        check(answer, "rspamd judges the message")
        return set(json.loads(answer)["symbols"])

    def stop(self):
        # Asked to end, it waits for its children a quarter of a minute.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
