// Does what an admin asks for mailboxes: the part of `pennypost mailbox`, `fetch`, `search`,
// `flags`, `expunge`, `fts`, `move`, `copy`, `import` and `export` that knows mail.
//
// `pennypost COMMAND …` executes `imapd admin COMMAND …`: SEARCH and its grammar are imapd's, and
// daemons do not include each other. For each account a process of its own is forked, which looks
// the account up, drops the caller's rights for the account's, and only then touches the mail; so
// root's commands do nothing that a session of that account could not do. An ordinary user's own
// instance needs no rights.
//
// The mail is opened as popd does it, without an index: flags are in file names, UIDs in the
// uidlist, under the locks that all programs keep. The index belongs to one process, the running
// imapd's worker, which notices each change like that of any other program and tells its sessions.
//
// EXIT STATUS  0; 1 it can't be done; 64 wrong arguments; 67 no such account; 68 no such folder; 75
//              try again later; 78 the configuration is wrong. With several accounts the last
//              failure counts, and the others are served all the same.
//
// SEE ALSO     call.h (options), query.h; ../../smtpd/commands/mailboxes.h (the manual)
#pragma once

#include <span>
#include <string>

namespace pennypost::imap {

/// `arguments` begin with the command's name. The exit status.
int administer(std::span<const std::string> arguments);

}  // namespace pennypost::imap
