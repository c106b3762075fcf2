"""Scripts that a system user's IMAP session runs have that user's rights: IMAPSIEVE, FILTER, and what they send."""
import os

from harness import contains, equal, eventually, test
from mailhost import letter
from roothost import CAROL, CAROL_PASSWORD, RootHost

ALICE = "alice@example.test"


def write(path, text, mode, owner=0):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    os.chown(path, owner, owner)


@test("IMAPSIEVE gives a system user's mail to a program with that user's rights; FILTER runs the user's script, which sends mail")
def scripts(t):
    programs = os.path.join(t.folder, "home", "bin")
    admins = os.path.join(t.folder, "home", "learn.sieve")
    host = RootHost(t, {"disable_plaintext_auth": False, "imap_auto_create_special": False, "sieve_pipe_bin_dir": programs,
                        "imapsieve_scripts": [f"Junk:copy={admins}"]}, start=False)
    host.users["carol"] = CAROL_PASSWORD
    learned = os.path.join(host.carol_home, "learned")
    write(os.path.join(programs, "learn"), f'#!/bin/sh\ncat > /dev/null\necho "$1 $USER $(id -u) $(id -G)" >> {learned}\n', 0o755)
    os.chmod(programs, 0o755)
    write(admins, 'require ["imapsieve", "vnd.dovecot.pipe", "copy"]; pipe :copy "learn" "spam";\n', 0o644)
    write(os.path.join(host.carol_home, ".dovecot.sieve"),
          'require ["fileinto", "mailbox", "copy"];\n'
          f'if header "subject" "for alice" {{ redirect :copy "{ALICE}"; }} else {{ fileinto :create "Old"; }}\n', 0o600, CAROL)
    host.start()
    with host.imap("carol") as client:
        for subject in ("for alice", "lunch"):
            client.append("INBOX", "", None, letter(subject, to="carol@example.test"))
        client.create("Junk")
        client.select("INBOX")
        equal(client.copy("2", "Junk")[0], "OK", "COPY")
        with open(learned, encoding="utf-8") as file:
            equal(file.read(), f"spam carol {CAROL} {CAROL}\n", "what the program was")
        equal(os.stat(learned).st_uid, CAROL, "whose its file is")
        kind, _ = client.xatom("UID", "FILTER SIEVE DELIVERY ALL")
        equal(kind, "OK", "FILTER")
        told = " ".join(row.decode() for row in client.response("FILTERED")[1] if row)
        equal(told.count("ERRORS"), 0, f"what FILTER says: {told}")
        equal(client.search(None, "DELETED")[1][0], b"2", "the message that was filed")
    old = os.path.join(host.carol_home, "Maildir", ".Old")
    copies = [os.path.join(old, part, name) for part in ("new", "cur") for name in os.listdir(os.path.join(old, part))]
    equal([os.stat(copy).st_uid for copy in copies], [CAROL], "whose the copy is")
    eventually(lambda: len(host.messages(ALICE)) == 1, "alice has hers")
    with open(host.messages(ALICE)[0], "rb") as file:
        contains(file.read(), b"for alice", "what alice has")
