"""Serves zones that Knot signs, and asks about them through an Unbound that validates: DNSSEC with real parts.

    dns = SecureDns(t, {"signed.test": [...]}, {"plain.test": [...]})   # lines of zone files; the latter are not signed
    dns.server          # Unbound's ADDRESS:PORT, for dns_servers
    dns.change("signed.test", [...])   # other lines, signed anew

    # port: Unbound's; by default a free one

A zone has its own SOA, and as name server ns.ZONE, at Knot's address. Both servers listen on loopback alone.
"""
import os
import subprocess

from harness import check, eventually
from mailhost import free_port, has_program

KNOT, UNBOUND = "127.0.0.53", "127.0.0.54"


class SecureDns:
    def __init__(self, t, signed, plain, port=None):
        for name in ("knotd", "keymgr", "knotc", "unbound", "dig"):
            check(has_program(name), f"{name} is missing; contrib/packages/test lists knot, unbound and bind9-dnsutils")
        self.folder = os.path.join(t.folder, "dns")
        os.makedirs(os.path.join(self.folder, "zones"))
        self.serial, self.zones = 1, {**signed, **plain}
        self.port, self.unbound_port = free_port(KNOT), port or free_port(UNBOUND)
        self.server = f"{UNBOUND}:{self.unbound_port}"
        for zone, lines in self.zones.items():
            self._write_zone(zone, lines)
        self.conf = self._write("knot.conf", self._knot(signed, plain))
        self._start(t, "knotd", "-c", self.conf)
        for zone in self.zones:
            eventually(lambda z=zone: "SOA" in self._dig(KNOT, self.port, z, "SOA"), f"Knot serves {zone}")
        anchors = [eventually(lambda z=zone: self._run("keymgr", "-c", self.conf, z, "ds"), f"a key of {zone}").splitlines()[0]
                   for zone in signed]
        unbound = self._write("unbound.conf", self._unbound(anchors, plain))
        self._start(t, "unbound", "-d", "-c", unbound)
        for zone in signed:
            eventually(lambda z=zone: "flags: qr rd ra ad;" in self.ask(z, "SOA"), f"Unbound validates {zone}")
        for zone in plain:
            eventually(lambda z=zone: "status: NOERROR" in self.ask(z, "SOA"), f"Unbound knows {zone}")

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def _write_zone(self, zone, lines):
        head = [f"$ORIGIN {zone}.", "$TTL 1", f"@ SOA ns hostmaster {self.serial} 3600 900 86400 1", "@ NS ns", f"ns A {KNOT}"]
        self._write(f"zones/{zone}.zone", "\n".join([*head, *lines]) + "\n")

    def _knot(self, signed, plain):
        zones = "".join(f"  - domain: {zone}\n    file: {zone}.zone\n    dnssec-signing: {'on' if zone in signed else 'off'}\n"
                        f"    zonefile-sync: -1\n    zonefile-load: difference\n    journal-content: all\n"
                        for zone in [*signed, *plain])
        return (f"server:\n  listen: {KNOT}@{self.port}\n  rundir: {self.folder}\n  udp-workers: 1\n  tcp-workers: 1\n"
                f"  background-workers: 1\n  user: root:root\nlog:\n  - target: stderr\n    any: error\n"
                f"database:\n  storage: {self.folder}\n  journal-db-max-size: 8M\n  kasp-db-max-size: 8M\n  timer-db-max-size: 8M\n"
                f"control:\n  listen: {self.folder}/knot.sock\n"
                f"template:\n  - id: default\n    storage: {self.folder}/zones\nzone:\n{zones}")

    def _unbound(self, anchors, plain):
        ways = "".join(f"forward-zone:\n  name: \"{zone}\"\n  forward-addr: {KNOT}@{self.port}\n  forward-no-cache: yes\n" for zone in self.zones)
        trust = "".join(f"  trust-anchor: \"{anchor}\"\n" for anchor in anchors)
        trust += "".join(f"  domain-insecure: \"{zone}\"\n" for zone in plain)
        return (f"server:\n  interface: {UNBOUND}@{self.unbound_port}\n  directory: \"{self.folder}\"\n  chroot: \"\"\n  username: \"\"\n"
                f"  pidfile: \"\"\n  use-syslog: no\n  verbosity: 0\n  num-threads: 1\n  do-not-query-localhost: no\n  do-ip6: no\n"
                f"  cache-max-ttl: 1\n  cache-max-negative-ttl: 1\n  infra-host-ttl: 1\n  module-config: \"validator iterator\"\n"
                f"  local-zone: \"test.\" transparent\n{trust}remote-control:\n  control-enable: no\n{ways}")

    def _start(self, t, program, *words):
        process = subprocess.Popen([has_program(program), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd=self.folder)
        t.cleanup(process.wait)
        t.cleanup(process.terminate)

    def _run(self, program, *words):
        done = subprocess.run([has_program(program), *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"{program} {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def _dig(self, address, port, name, kind):
        done = subprocess.run([has_program("dig"), f"@{address}", "-p", str(port), "+time=2", "+tries=1", "+adflag", name, kind],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.stdout

    def ask(self, name, kind):
        """What dig shows of Unbound's answer."""
        return self._dig(UNBOUND, self.unbound_port, name, kind)

    def change(self, zone, lines):
        self.serial += 1
        self._write_zone(zone, lines)
        self._run("knotc", "-s", f"{self.folder}/knot.sock", "-b", "zone-reload", zone)


def public_key_digest(certificate):
    """The data of a TLSA record 3 1 1 for a certificate's file."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], check=True, capture_output=True, input=key.stdout)
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-r"], check=True, capture_output=True, input=der.stdout)
    return digest.stdout.split()[0].decode()
