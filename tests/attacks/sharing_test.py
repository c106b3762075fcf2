"""A user who has no rights on another's mailboxes gets at nothing, whatever the command and however the name is written."""
import os

from harness import check, equal, test
from mailboxes_test import Client
from mailhost import Host, letter

ALICE, BOB = "alice@example.test", "bob@example.test"
SECRET = b"the-secret-text"
NAMES = ("shared.alice@example^test.Private", "shared.alice@example^test.INBOX", "shared.alice@example^test.Shared.Below",
         "shared.alice@example^test", "shared.alice@example.test.Private", "shared.ALICE@example^test.Private",
         "shared.alice@example^test.INBOX.Private", '"shared.alice@example^test..Private"', '"shared.&AC8-.Private"',
         '"shared.bob@example^test.&AC4ALgAv-alice"', '"../alice/Maildir/.Private"', "shared..Private",
         '"shared.alice@example^test.Shared.&AC8-..&AC8-.Private"')
COMMANDS = ("SELECT {}", "EXAMINE {}", "STATUS {} (MESSAGES UIDNEXT SIZE)", "APPEND {} {{3+}}\r\nx\r\n", "CREATE {}.New", "DELETE {}",
            "RENAME {} Mine", "RENAME INBOX {}", "GETACL {}", "SETACL {} bob lrwstipekxa", "DELETEACL {} alice", "LISTRIGHTS {} bob",
            "MYRIGHTS {}", "GETMETADATA {} /shared/comment", 'SETMETADATA {} (/shared/comment "x")', 'LIST "" {}', 'LIST "" {} RETURN (STATUS (MESSAGES) MYRIGHTS)',
            "ESEARCH IN (mailboxes {}) RETURN (COUNT) ALL", "NOTIFY SET STATUS (mailboxes {} (MessageNew MessageExpunge))",
            'APPEND INBOX CATENATE (URL "/{}/;UID=1")', "COPY 1 {}", "MOVE 1 {}", "UID COPY 1:* {}", "REPLACE 1 {} {{3+}}\r\nx\r\n")


def tree(folder):
    """{path: what is in it} of the files that any command could have changed."""
    found = {}
    for directory, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(directory, file)
            with open(path, "rb") as content:
                found[path] = content.read()
    return found


@test("who has no rights reads nothing, changes nothing, and is told nothing by any command")
def no_rights(t):
    host = Host(t, {"imap_auto_create_special": False, "imap_worker_shards": 1})
    alice = Client(host, ALICE)
    for name in ("Private", "Shared", "Shared.Below"):
        alice.ok(f"CREATE {name}")
        text = letter("secret", SECRET.decode() + "\r\n")
        alice.ok(b"APPEND %s {%d+}\r\n%s" % (name.encode(), len(text), text))
    text = letter("secret", SECRET.decode() + "\r\n")
    alice.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(text), text))
    alice.ok("SETACL Shared bob lr")
    bob = Client(host, BOB)
    bob.ok(b"APPEND INBOX {%d+}\r\n%s" % (len(text), text.replace(SECRET, b"bob's own text!")))
    before = tree(host.maildir(ALICE))
    for name in NAMES:
        for command in COMMANDS:
            if command.startswith(("COPY", "MOVE", "UID", "REPLACE")):
                bob.ok("SELECT INBOX")
            answer = bob.ask(command.format(name))
            told = b"".join(answer)
            check(SECRET not in told, f"{command} of {name} shows the secret")
            lets = command.startswith(("LIST", "ESEARCH", "NOTIFY"))
            check(lets or not answer[-1].split(b" ")[1] == b"OK", f"{command} of {name} is answered {told}")
            # Above what is shared with bob there is a level in its name.
            above = name == "shared.alice@example^test" and command.startswith("LIST") and (b"\\Noselect" in told or b"\\NonExistent" in told)
            check(not lets or above or len(answer) == 1, f"{command} of {name} tells {told}")
    equal(tree(host.maildir(ALICE)), before, "what alice has")
    # The one that is shared, with the rights that are given, and no others.
    shared = "shared.alice@example^test.Shared"
    bob.ok(f"SELECT {shared}")
    check(SECRET in b"".join(bob.ask("FETCH 1 BODY.PEEK[]")), "what is shared is read")
    for command in (r"STORE 1 +FLAGS (\Deleted)", "EXPUNGE", "CLOSE", f"APPEND {shared} {{3+}}\r\nx\r\n", f"DELETE {shared}",
                    f"SETACL {shared} bob lrwstipekxa", f"RENAME {shared} Mine", f"CREATE {shared}.New"):
        bob.ask(command)
    equal(tree(host.maildir(ALICE)), before, "what alice has in the end")
