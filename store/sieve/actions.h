// The outcome of a run: what is to be done with the message, in order.
//
// The caller turns all actions of an outcome into one transaction; the interpreter does nothing of
// it. No two actions are the same: two copies in one mailbox have become one with the flags of
// both, and two redirects to one address one (RFC 5228 section 2.10.3).
//
// SEE ALSO   interpreter.h
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/mail/header.h"
#include "store/sieve/mistake.h"

namespace pennypost::store::sieve {

/// The message as the script had edited it when the action was chosen: edited(message, *form);
/// null: as it came.
using MessageForm = std::shared_ptr<const std::vector<Edit>>;

/// keep, fileinto, and the implicit keep.
struct FileInto {
  std::string mailbox = "INBOX";   // UTF-8
  bool is_keep = true;             // where the caller keeps mail, whatever its name is
  std::string special_use;         // RFC 8579: try this first; empty: none
  bool creates = false;            // RFC 5490: make the mailbox if it is missing
  std::vector<std::string> flags;  // \Seen and keywords
  MessageForm form;
};

struct Redirect {
  std::string address;
  MessageForm form;
};

/// The message is refused: the sender gets `reason`.
struct Reject {
  std::string reason;
  bool is_extended = false;  // RFC 5429 section 2.1: within the SMTP dialogue if possible
};

/// A message to somebody, with LF line ends: a vacation answer or a notification.
struct SendMessage {
  std::string recipient;
  bool is_from_owner = false;  // envelope sender: the script's owner; false: null
  std::string text;
  bool is_vacation = false;
};

/// The message is given to a program of the admin's.
struct Pipe {
  std::string program;
  std::vector<std::string> arguments;
  MessageForm form;
  bool may_fail = false;     // :try; else a failure is one of the script
  bool cancels_keep = true;  // without :copy
};

using Action = std::variant<FileInto, Redirect, Reject, SendMessage, Pipe>;

/// A key that must be remembered for so long once the transaction is committed; a later run asks
/// for it by Environment::is_remembered().
struct Remembered {
  std::string key;
  std::uint64_t seconds = 0;
};

/// What ended the run before its end.
struct RunFailure {
  std::string script;  // the name of the included script; empty: the script itself
  Mistake mistake;

  /// `[SCRIPT:]LINE:COLUMN: text`
  std::string shown() const { return (script.empty() ? "" : script + ":") + mistake.shown(); }
};

struct Outcome {
  std::vector<Action> actions;  // empty, and nothing else: the message is discarded
  /// What is kept if no pipe that cancels the keep succeeds.
  std::optional<FileInto> kept_unless_piped;
  std::vector<Remembered> remembered;
  /// Then `actions` is one copy in INBOX, as it came (RFC 5228 section 2.10.6).
  std::optional<RunFailure> failure;
  std::uint64_t steps = 0;  // what the run cost
};

}  // namespace pennypost::store::sieve
