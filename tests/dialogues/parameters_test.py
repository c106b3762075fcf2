"""Each number, flag and choice of parameters.def, least and greatest, in; every daemon starts with it, and answers.

Many rows share a configuration. Where a daemon does not start, halves of it are tried until a single row is found
that fails by itself, which is a failure, or none: then the rows contradict each other, and are tried apart.
"""
import os
import re
import time

from harness import add_case, check, equal
from mailhost import TOP, Host, free_port

KINDS = {"Number", "SignedNumber", "CountLimit", "Port", "Duration", "Bytes", "SizeLimit", "Flag", "Choice"}
PORTS = {"smtp_port": "smtpd", "submission_port": "smtpd", "submissions_port": "smtpd", "pop3_port": "popd",
         "pop3s_port": "popd", "imap_port": "imapd", "imaps_port": "imapd"}
STARTS_MAX = 60
START_SECONDS_MAX = 60
# Not with their neighbours of the same end: what they ask for must be set beside them.
CERTIFICATE = object()  # stands for the path of the host's own certificate
BESIDE = {
    ("ssl_verify_client_cert", True): {"ssl_ca": CERTIFICATE},
    ("auth_ssl_require_client_cert", True): {"ssl_verify_client_cert": True, "ssl_ca": CERTIFICATE},
    ("smtp_tls_wrappermode", True): {"smtp_tls_security_level": "encrypt"},
    ("pop3_delete_type", "flag"): {"pop3_deleted_flag": "POP3Deleted"},
    **{(f"{client}_tls_security_level", level): {"smtp_dns_support_level": "dnssec"}
       for client in ("smtp", "lmtp") for level in ("dane", "dane-only")},
}


def source(name):
    with open(os.path.join(TOP, "common", "config", name), encoding="utf-8") as file:
        return file.read()


def rows():
    """{name: all its values that are tried, the least first, the greatest second}."""
    constants = {name: re.sub(r'"\s*"', "", text) for name, text in
                 re.findall(r'constexpr const char\* (\w+)\s*=\s*("(?:[^"]|"\s*")*");', source("parameter.cpp"))}
    found = {}
    for kind, name, scope_and_range in re.findall(
            r'^PARAMETER\((\w+),\s*(\w+),\s*"(?:[^"\\]|\\.)*",\s*([^"]*)"', source("parameters.def"), re.MULTILINE):
        if kind not in KINDS:
            continue
        numbers = re.search(r"between\((-?\d+), (\d+)\)", scope_and_range)
        if kind == "Flag":
            found[name] = [False, True]
        elif kind == "Choice":
            text = re.search(rf"{name},\s.*?one_of\(([^)]*)\)", source("parameters.def"), re.DOTALL)[1].strip()
            found[name] = constants.get(text, text).strip('"').split("|")
        else:
            check(numbers, f"{name} is a {kind} without a range")
            found[name] = [f"{number}s" if kind == "Duration" else int(number) for number in numbers.groups()]
    check(len(found) > 100, f"only {len(found)} rows were found")
    return found


class Starter:
    """Starts a daemon of one host with settings over its own."""

    def __init__(self, t):
        self.host = Host(t, {"submissions_port": 0, "pop3s_port": 0, "imaps_port": 0}, start=False)
        self.own = dict(self.host.settings)

    def starts(self, daemon, settings):
        """Empty when it starts, answers and ends well; else what it says."""
        beside = {key: value for row in settings.items() for key, value in BESIDE.get(row, {}).items()}
        beside = {key: self.host.certificate if value is CERTIFICATE else value for key, value in beside.items()}
        self.host.settings = {**self.own, **settings, **beside}
        self.host.write_settings()
        self.host.write("log/" + daemon + ".err", "")
        if os.path.exists(self.host.log_file):
            os.remove(self.host.log_file)
        process = self.host.launch(daemon)
        ports = [name for name, of in PORTS.items() if of == daemon and self.host.settings[name]]
        end = time.monotonic() + START_SECONDS_MAX
        trouble = ""
        while ports and not trouble:
            if process.poll() is not None:
                trouble = f"exit status {process.returncode}"
            elif time.monotonic() > end:
                trouble = f"does not answer within {START_SECONDS_MAX} s on {ports}"
            elif self.greets(daemon, ports[0]):
                ports.pop(0)
            else:
                time.sleep(0.05)
        status = self.host.stop(daemon)
        log = self.host.log()
        shown = self.host.command("postconf", "-h", *settings).stdout.splitlines()
        if not trouble and len(shown) != len(settings):
            trouble = f"postconf shows {len(shown)} of {len(settings)} settings"
        if not trouble and status != 0:
            trouble = f"ends with status {status}"
        if not trouble and re.search(r"panic:|uncaught exception|: process .* (exit status [1-9]|killed by signal)", log):
            trouble = "a process fails"
        return f"{trouble}: {self.host.errors(daemon)[-800:]}{log[-800:]}" if trouble else ""

    def greets(self, daemon, name):
        try:
            return self.host.answers(daemon, self.host.settings[name], name)
        except OSError:
            return False

    def find(self, daemon, settings):
        """The rows that fail by themselves: [(settings, what the daemon says)]."""
        trouble = self.starts(daemon, settings)
        if not trouble:
            return []
        if len(settings) == 1:
            return [(settings, trouble)]
        # What the daemon names itself, first; else halves.
        named = {name: value for name, value in settings.items() if re.search(rf"\b{name}\b", trouble)}
        half = dict(list(settings.items())[:len(settings) // 2])
        part = named if named and len(named) < len(settings) else half
        rest = {name: value for name, value in settings.items() if name not in part}
        apart = [{name: value} for name, value in part.items()] if part is named else [part]
        return [found for one in [*apart, rest] for found in self.find(daemon, one)]


def at_end(which, choose):
    def case(t):
        starter = Starter(t)
        settings = {name: choose(values) for name, values in rows().items() if name not in PORTS}
        for daemon in ("smtpd", "popd", "imapd"):
            failing = starter.find(daemon, settings)
            check(not failing, "\n".join(f"{daemon} with {rows}: {said}" for rows, said in failing))
    add_case(f"parameters: every daemon starts with every number, flag and choice at its {which}", case)


at_end("least", lambda values: values[0])
at_end("greatest", lambda values: values[1])


def other_choices(t):
    starter = Starter(t)
    choices = {name: values[2:] for name, values in rows().items() if len(values) > 2}
    while any(choices.values()):
        settings = {name: values.pop() for name, values in choices.items() if values}
        daemons = ("smtpd", "popd", "imapd") if len(settings) > 1 else ("smtpd",)
        for daemon in daemons:
            failing = starter.find(daemon, settings)
            check(not failing, "\n".join(f"{daemon} with {rows}: {said}" for rows, said in failing))


add_case("parameters: every daemon starts with every further choice", other_choices)


def ports(t):
    starter = Starter(t)
    equal(sorted(name for name in rows() if name in PORTS), sorted(PORTS), "the ports among the rows")
    for name, daemon in PORTS.items():
        others = {other: free_port() for other, of in PORTS.items() if of == daemon and other != name}
        for value in ("0", "65535"):
            said = starter.starts(daemon, {**others, name: int(value)})
            check(not said, f"{daemon} with {name} = {value}: {said}")


add_case("parameters: every daemon starts with each port off, and at 65535", ports, alone=True)
