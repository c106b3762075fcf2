"""A real Roundcube of Debian's package in front of a host: PHP's own web server, with the settings of contrib/roundcube.

What belongs to the machine is replaced: ports, and the database (SQLite), logs and temporary files below t.folder.
"""
import os
import re
import socket
import sqlite3
import subprocess

from browser import CLICK_SECONDS, ENTER, Browser
from harness import PATIENCE_SECONDS, check, eventually
from mailhost import TOP, as_user, free_port, give, has_program

PAGES = "/var/lib/roundcube/public_html"
TABLES = "/usr/share/roundcube/SQL/sqlite.initial.sql"
WORKERS = 4  # processes of PHP: a page asks for several files at once
REFRESH_SECONDS = 2


class Roundcube:
    """The server, and a browser that looks at it."""

    def __init__(self, t, host):
        check(has_program("php"), "php-cli is missing; contrib/packages/test lists it")
        check(os.path.exists(PAGES) and os.path.exists(TABLES), "roundcube-core is missing; contrib/packages/test lists it")
        self.folder = os.path.join(t.folder, "roundcube")
        for name in ("etc", "temp", "logs"):
            os.makedirs(os.path.join(self.folder, name))
        self._make_database()
        self._configure(host)
        give(self.folder)
        port = free_port()
        environment = {"PATH": os.environ["PATH"], "ROUNDCUBE_CONFIG_DIR": os.path.join(self.folder, "etc"), "HOME": self.folder,
                       "PHP_CLI_SERVER_WORKERS": str(WORKERS)}
        with open(os.path.join(self.folder, "logs", "php"), "wb") as log:
            self.process = subprocess.Popen(["php", "-d", "upload_max_filesize=32M", "-S", f"127.0.0.1:{port}", "-t", PAGES],
                                            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                                            start_new_session=True, **as_user())
        t.cleanup(self.stop)
        eventually(lambda: socket.create_connection(("127.0.0.1", port), 10).close() or True, "PHP's web server answers")
        self.address = f"http://127.0.0.1:{port}/"
        self.browser = Browser(t)

    def _make_database(self):
        with open(TABLES, encoding="utf-8") as file:
            database = sqlite3.connect(os.path.join(self.folder, "database"))
            database.executescript(file.read())
            database.close()

    def _configure(self, host):
        for name in ("defaults.inc.php", "mimetypes.php"):
            os.symlink(os.path.join("/etc/roundcube", name), os.path.join(self.folder, "etc", name))
        # Copied: who runs PHP may have no way to the checkout.
        with open(os.path.join(TOP, "contrib", "roundcube", "pennypost.inc.php"), encoding="utf-8") as ours:
            self._write("pennypost.inc.php", ours.read())
        self._write("config.inc.php", f"""<?php
$config = ['des_key' => '{os.urandom(12).hex()}', 'plugins' => []];
include __DIR__ . '/pennypost.inc.php';
$config['db_dsnw'] = 'sqlite:///{self.folder}/database?mode=0600';
$config['log_dir'] = '{self.folder}/logs/';
$config['temp_dir'] = '{self.folder}/temp/';
$config['language'] = 'en_US';
$config['refresh_interval'] = $config['min_refresh_interval'] = {REFRESH_SECONDS};
$config['smtp_log'] = false;
if (!isset($_SERVER['HTTP_X_AS_SET'])) $config['force_https'] = false;  // PHP's web server speaks no TLS
foreach (['imap' => {host.port('imap')}, 'smtp' => {host.port('submission')}, 'managesieve' => {host.port('sieve')}] as $name => $port)
    $config[$name . '_host'] = preg_replace('/:[0-9]+$/', ":$port", $config[$name . '_host']);
""")

    def _write(self, name, text):
        with open(os.path.join(self.folder, "etc", name), "w", encoding="utf-8") as file:
            file.write(text)

    def stop(self):
        # Its workers are of its group.
        os.killpg(self.process.pid, 15)
        self.process.wait(30)

    def errors(self):
        """What Roundcube and PHP wrote of mistakes."""
        text = ""
        for name in ("errors.log", "php"):
            path = os.path.join(self.folder, "logs", name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += "".join(line for line in file if name == "errors.log" or re.search(r"PHP (?!8)", line))
        return text

    def log_in(self, login, password):
        """As a new visitor, whoever was here before."""
        self.browser.leave_frames()
        self.browser.open(self.address)
        self.browser.forget()
        self.browser.open(self.address)
        self.browser.write("#rcmloginuser", login)
        self.browser.press("#rcmloginpwd", password + ENTER)
        self.browser.wait("#messagelist")

    def go(self, where):
        """Opens a page of the program by its address's query."""
        self.browser.leave_frames()
        self.browser.open(self.address + "?" + where)

    def show_folder(self, name):
        """Shows a folder of the list on the left."""
        def is_shown():  # a page that is still busy may let a click pass
            self.browser.click("#mailboxlist a", name)
            return self.browser.wait("#mailboxlist li.selected", name, CLICK_SECONDS)
        eventually(is_shown, f"clicks on {name} show it")

    def subjects(self):
        """What the list shows, from its top."""
        return self.browser.script("return [...document.querySelectorAll('#messagelist tr.message')]"
                                   ".filter(row => row.getClientRects().length)"
                                   ".map(row => row.querySelector('td.subject .subject').innerText.trim());")

    def wait_subjects(self, expected, what, seconds=PATIENCE_SECONDS):
        eventually(lambda: self.subjects() == expected, f"{what}: the list shows {expected}, not {self.subjects()}", seconds)

    def select(self, subject):
        """Clicks a message in the list; it is shown beside the list."""
        self.browser.click("#messagelist tr.message td.subject", subject)
        self.browser.wait("#messagelist tr.selected", subject)

    def arrange(self, column, order, mode="list"):
        """How the list is sorted, by its dialogue of options; mode: list or threads."""
        self.browser.click("#listmenulink")
        for name, value in (("sort_col", column), ("sort_ord", order), ("mode", mode)):
            self.browser.choose(f'.ui-dialog select[name="{name}"]', value)
        self.browser.click(".ui-dialog button.save")
        self.browser.wait_gone(".ui-dialog button.save")
