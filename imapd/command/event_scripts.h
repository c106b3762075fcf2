// Runs Sieve scripts for what a session's commands do to messages (IMAPSIEVE).
//
// The admin's scripts (imapsieve_scripts) come first, then, with imapsieve_url, the user's own: the
// one that the annotation /shared/imapsieve/script of the mailbox names, or that of the server. A
// script is run only if those before it keep the message. It runs before the command is answered;
// its own changes cause no events. What goes wrong goes to the log: the command has succeeded.
//
// STANDARDS  RFC 6785
// SEE ALSO   ../../store/filtering/stored_filter.h (what a script may do)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/imapsieve_rules.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class SessionContext;

/// Whether the settings let workers run programs: for scripts that clients cause to run
/// (vnd.dovecot.pipe and its kin, and sendmail for what they send), or to read attachments
/// (fts_decoder).
bool runs_programs(const Config& config);

struct EventMessage {
  store::Uid uid{1};
  std::string changed_flags;  // by spaces
};

/// What has happened.
struct MailEvent {
  ImapCause cause = ImapCause::Append;
  store::MailboxName mailbox = store::MailboxName::inbox();
  std::vector<EventMessage> messages;
  std::string from;  // of a copy: the mailbox of the originals
};

/// Whether a script might be run for that; if not, the event need not be made.
bool may_run_scripts(const SessionContext& context, ImapCause cause);

/// Returns when all scripts have ended.
Task<> run_event_scripts(SessionContext& context, MailEvent event);

/// The flags of messages before a command that changes them.
class FlagsBefore {
 public:
  /// Takes nothing if no script could be run for it.
  FlagsBefore(const SessionContext& context, store::Mailbox& mailbox,
              const std::vector<store::Uid>& uids);
  /// What has changed since.
  MailEvent event(store::Mailbox& mailbox) const;

 private:
  std::vector<std::pair<store::Uid, std::vector<std::string>>> flags_;
};

}  // namespace pennypost::imap
