"""Starts real servers of tables for one test: OpenLDAP, PostgreSQL, MariaDB, and a database of SQLite.

Each runs unprivileged, below t.folder, on loopback or a socket there, and holds the table ENTRIES: addresses and where
their mail goes. `source()` writes the file of settings by which our tables and Postfix's ask it.
"""
import contextlib
import os
import signal
import subprocess
import urllib.parse

from harness import check, eventually
from mailhost import as_user, free_port, give, has_program, make_certificate

BASE = "dc=table,dc=test"
BIND_DN, BIND_PASSWORD = f"cn=reader,{BASE}", "reader secret"
# Keys are as strangers may write them, too: each must be found as it stands, and nothing else by it.
ENTRIES = {
    "ann@alias.test": ["alice@example.test"],
    "team@alias.test": ["alice@example.test", "bob@example.test"],
    "o'hara@alias.test": ["bob@example.test"],
    "back\\slash@alias.test": ["bob@example.test"],
    "paren(s)@alias.test": ["bob@example.test"],
    "star*@alias.test": ["bob@example.test"],
    "ann@relay.test": ["ok"],
}
# None of these is in the table.
HOSTILE_KEYS = ["*", "*@alias.test", ")(", "x)(mail=*", "*)(objectClass=*", "'", "''", "' OR '1'='1", "';DROP TABLE aliases;--",
                '"', '" OR ""="', "\\", "\\' OR 1=1 -- ", "%", "_", "ann_alias.test", "ann@alias.tes_", "%@alias.test", "a" * 10000,
                "\xc3\x28@alias.test", "ann@alias.test\\00", "(", "&", "|(x=y)", "$1", "%s", "ann@alias.test' UNION SELECT 'x"]


def run(command, **options):
    done = subprocess.run(command, stdin=options.pop("stdin", subprocess.DEVNULL), capture_output=True, text=True, check=False,
                          cwd="/", **options)
    check(done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout


def need(program):
    found = has_program(program)
    check(found, f"{program} is missing; contrib/packages/test lists its package")
    return found


def children(parent):
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


class Server:
    """What all have in common: a folder of its own, a process that can be stopped, frozen and started again."""

    kind = ""
    is_server = True
    reaches_by = ""  # where it is not a socket in the folder, or what is usual

    def __init__(self, t):
        self.t = t
        self.folder = os.path.join(t.folder, self.kind)
        os.makedirs(self.folder)
        os.chmod(t.folder, 0o755)
        self.process = None
        t.cleanup(self.stop)
        self.prepare()
        give(self.folder)
        self.start()
        self.fill()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        give(self.path(name))
        if os.geteuid() == 0:
            user = as_user()
            os.chown(self.path(name), user["user"], user["group"])
        return self.path(name)

    def source(self, name="table.cf", **changes):
        """The path of the file of settings; `changes` replace settings, None removes one."""
        settings = {**self.settings(), **changes}
        return self.write(name, "".join(f"{key} = {value}\n" for key, value in settings.items() if value is not None))

    def table(self, name="table.cf", **changes):
        return f"{self.kind}:{self.source(name, **changes)}"

    def prepare(self):
        """What must be there before the first start."""

    def command(self):
        raise NotImplementedError

    def answers(self):
        raise NotImplementedError

    def fill(self):
        raise NotImplementedError

    def settings(self):
        raise NotImplementedError

    def start(self):
        with open(self.path("server.log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                            env=self.environment(), start_new_session=True, **as_user())
        eventually(self.has_begun, f"{self.kind}'s server answers")

    def environment(self):
        return {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": self.folder, "TMPDIR": self.folder}

    def has_begun(self):
        if self.process.poll() is not None:
            with open(self.path("server.log"), encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"{self.kind}'s server ended: {log.read()[-2000:]}")
        return self.answers()

    def stop(self):
        if self.process is None:
            return
        self.thaw()
        process, self.process = self.process, None
        process.send_signal(signal.SIGINT if self.kind == "pgsql" else signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def freeze(self):
        """From here on it answers nothing, and refuses nobody."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self):
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number):
        """To the server and its children: PostgreSQL's have sessions of their own."""
        for pid in [self.process.pid, *children(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


class Ldap(Server):
    kind = "ldap"

    def prepare(self):
        self.port, self.tls_port = free_port(), free_port()
        self.certificate, key = make_certificate(self.folder)
        os.makedirs(self.path("data"))
        schema = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson", "misc"))
        self.write("slapd.conf", f"""{schema}
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {self.path("pid")}
argsfile {self.path("args")}
TLSCertificateFile {self.certificate}
TLSCertificateKeyFile {key}
database mdb
maxsize 10485760
suffix "{BASE}"
rootdn "cn=admin,{BASE}"
rootpw secret
directory {self.path("data")}
access to attrs=userPassword by anonymous auth by * none
access to * by dn="{BIND_DN}" read by dn.regex="^gidNumber=[0-9]+[+]uidNumber=[0-9]+,cn=peercred,cn=external,cn=auth$" read
  by anonymous auth by * none
""")

    def command(self):
        # slapd -d stays in front, and says little with 0.
        return [need("slapd"), "-d", "0", "-f", self.path("slapd.conf"),
                "-h", f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port} {self.socket_url()}"]

    def socket_url(self):
        return "ldapi://" + urllib.parse.quote(self.path("ldapi"), safe="")

    def answers(self):
        search = [need("ldapwhoami"), "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", f"cn=admin,{BASE}", "-w", "secret"]
        return subprocess.run(search, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20).returncode == 0

    def fill(self):
        entries = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Table\ndc: table\n\n"
        entries += f"dn: {BIND_DN}\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: {BIND_PASSWORD}\n\n"
        for number, (key, values) in enumerate(ENTRIES.items()):
            entries += f"dn: cn=entry {number},{BASE}\nobjectClass: inetOrgPerson\nobjectClass: inetLocalMailRecipient\n"
            entries += f"cn: entry {number}\nsn: entry\nmailLocalAddress: {key}\n"
            # mailRoutingAddress has one value, mail may have many.
            entries += "".join(f"mail: {value}\n" for value in values) + "\n"
        self.add(entries)

    def add(self, entries):
        run([need("ldapadd"), "-x", "-H", f"ldap://127.0.0.1:{self.port}", "-D", f"cn=admin,{BASE}", "-w", "secret",
             "-f", self.write("entries.ldif", entries)])

    def settings(self):
        return {"server_host": f"ldap://127.0.0.1:{self.port}", "version": 3, "search_base": BASE, "timeout": 3,
                "bind_dn": BIND_DN, "bind_pw": BIND_PASSWORD, "query_filter": "(mailLocalAddress=%s)", "result_attribute": "mail"}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class SqlServer(Server):
    def settings(self):
        return {"query": "SELECT destination FROM aliases WHERE address = '%s' ORDER BY destination"}

    def statements(self):
        rows = [(key, value) for key, values in ENTRIES.items() for value in values]
        return ["CREATE TABLE aliases (address VARCHAR(200), destination VARCHAR(200))",
                *(f"INSERT INTO aliases VALUES ({self.literal(key)}, {self.literal(value)})" for key, value in rows)]

    literal = staticmethod(quoted)


class Sqlite(SqlServer):
    kind = "sqlite"
    is_server = False

    def start(self):
        """A file is always there."""

    def stop(self):
        """As start()."""

    def fill(self):
        self.database = self.path("aliases.db")
        self.sql(";\n".join(self.statements()) + ";")
        give(self.folder)

    def sql(self, text):
        run([need("sqlite3"), self.database, text])

    def settings(self):
        return {"dbpath": self.database, **super().settings()}

    def freeze(self):
        """Somebody else writes, and does not come to an end."""
        self.process = subprocess.Popen([need("sqlite3"), self.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        cwd=self.folder, **as_user())
        self.process.stdin.write("BEGIN EXCLUSIVE;\nSELECT 'locked';\n")
        self.process.stdin.flush()
        check(self.process.stdout.readline() == "locked\n", "the database is locked")

    def thaw(self):
        self.process.communicate("ROLLBACK;\n.quit\n", timeout=30)
        self.process = None


class Postgres(SqlServer):
    kind = "pgsql"

    def prepare(self):
        newest = sorted(os.listdir("/usr/lib/postgresql"))[-1] if os.path.isdir("/usr/lib/postgresql") else "0"
        self.programs = f"/usr/lib/postgresql/{newest}/bin"
        check(os.path.exists(self.programs), "PostgreSQL is missing; contrib/packages/test lists its package")
        give(self.folder)
        run([f"{self.programs}/initdb", "-D", self.path("data"), "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-sync",
             "--locale=C"], env=self.environment(), **as_user())

    def command(self):
        return [f"{self.programs}/postgres", "-D", self.path("data"), "-k", self.folder, "-c", "listen_addresses=",
                "-c", "fsync=off"]

    def sql(self, text):
        return run([f"{self.programs}/psql", "-h", self.folder, "-U", "owner", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-At", "-c", text],
                   env=self.environment())

    def answers(self):
        ready = [f"{self.programs}/pg_isready", "-h", self.folder]
        return subprocess.run(ready, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20,
                              env=self.environment()).returncode == 0

    def fill(self):
        self.sql(";\n".join(self.statements()) + "; CREATE USER reader; GRANT SELECT ON aliases TO reader")

    def settings(self):
        return {"hosts": f"unix:{self.folder}", "user": "reader", "password": "unused", "dbname": "postgres", **super().settings()}


class MariaDb(SqlServer):
    kind = "mysql"
    networking = ["--skip-networking"]

    def prepare(self):
        need("mariadbd")
        give(self.folder)
        run([need("mariadb-install-db"), "--no-defaults", f"--datadir={self.path('data')}", "--auth-root-authentication-method=normal",
             "--skip-test-db"], env=self.environment(), **as_user())
        self.socket = self.path("socket")

    def command(self):
        return [need("mariadbd"), "--no-defaults", f"--datadir={self.path('data')}", f"--socket={self.socket}", *self.networking,
                f"--pid-file={self.path('pid')}", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=8M"]

    def sql(self, text):
        return run([need("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--execute", text])

    def answers(self):
        ping = [need("mariadb-admin"), "--no-defaults", f"--socket={self.socket}", "--user=root", "ping"]
        return subprocess.run(ping, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20).returncode == 0

    def fill(self):
        self.sql("CREATE DATABASE mail CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; USE mail; " + "; ".join(self.statements()) +
                 "; CREATE USER reader@localhost IDENTIFIED BY 'reader secret'; GRANT SELECT ON mail.* TO reader@localhost")

    @staticmethod
    def literal(text):
        return quoted(text.replace("\\", "\\\\"))

    def settings(self):
        return {"hosts": f"unix:{self.socket}", "user": "reader", "password": "reader secret", "dbname": "mail", **super().settings()}


SERVERS = (Sqlite, Ldap, Postgres, MariaDb)
