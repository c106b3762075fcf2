"""PostgreSQL and MariaDB over TCP, with a certificate of their own; see table_servers.py."""
from mailhost import free_port, make_certificate
from table_servers import MariaDb, Postgres


class PostgresOverTls(Postgres):
    """Over TCP, where it lets nobody in without TLS and the password."""

    reaches_by = "TCP with TLS"
    port = 0

    def prepare(self):
        super().prepare()
        self.port = free_port()
        self.certificate, self.key = make_certificate(self.folder)
        self.write("data/pg_hba.conf", "local all owner trust\nhostssl all reader 127.0.0.0/8 scram-sha-256\n")

    def command(self):
        settings = {"listen_addresses": "127.0.0.1,127.0.0.2", "port": self.port, "ssl": "on", "ssl_cert_file": self.certificate,
                    "ssl_key_file": self.key}
        return [*super().command(), *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]

    def environment(self):
        return {**super().environment(), **({"PGPORT": str(self.port)} if self.port else {})}  # the socket bears its number

    def fill(self):
        super().fill()
        self.sql("ALTER USER reader PASSWORD 'reader secret'")

    def uri(self, address="127.0.0.1", **parameters):
        """The server as `hosts` names it, with settings of libpq's. Its certificate is not for 127.0.0.2."""
        return f"postgresql://reader:reader%20secret@{address}:{self.port}/postgres?" + "&".join(f"{name}={value}" for name, value in parameters.items())

    def settings(self):
        return {**super().settings(), "hosts": self.uri(sslmode="verify-full", sslrootcert=self.certificate), "password": "reader secret"}


class MariaDbOverTls(MariaDb):
    """Over TCP, where it lets nobody in without TLS and the password. Its certificate is not for 127.0.0.2."""

    reaches_by = "TCP with TLS"

    def prepare(self):
        super().prepare()
        self.port = free_port()
        self.certificate, key = make_certificate(self.folder)
        self.networking = ["--bind-address=127.0.0.1,127.0.0.2", f"--port={self.port}", "--skip-name-resolve", f"--ssl-cert={self.certificate}",
                           f"--ssl-key={key}"]

    def fill(self):
        super().fill()
        self.sql("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reader secret' REQUIRE SSL; GRANT SELECT ON mail.* TO reader@'127.0.0.1'")

    def settings(self):
        return {**super().settings(), "hosts": f"127.0.0.1:{self.port}", "tls_CAfile": self.certificate, "tls_verify_cert": "yes"}


SERVERS_OVER_TLS = (PostgresOverTls, MariaDbOverTls)
