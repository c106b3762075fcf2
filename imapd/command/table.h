// Every command of a logged-in session: where it is allowed, what it means for message numbers, its
// RFC.
//
// One row is one promise; CAPABILITY is derived from the rows and from capability.h.
//
// SEE ALSO   ../dialogue/login_session.h (the commands before login)
#pragma once

#include <array>
#include <string_view>

#include "common/session/command_table.h"
#include "imapd/command/capability.h"
#include "imapd/dialogue/session.h"

namespace pennypost::imap {

/// Where a command is allowed, once the client is logged in.
enum class In { Any, Selected };

/// What a command has to do with message sequence numbers (RFC 9051 section 7.5.1).
enum class Seq {
  /// Names none; expunges may be told during it.
  Ignores,
  /// Names messages by number, or answers with numbers: no expunge may be told before its end.
  Uses,
  /// Makes numbers anew, or removes messages.
  Breaks,
};

struct Command {
  std::string_view name;
  In allowed;
  Seq numbers;
  std::string_view rfc;
  Task<Reply> (Session::*handler)(const CommandHead&);
  /// What CAPABILITY says for it; "" for what every server has.
  std::string_view capability;
};

inline constexpr std::array commands{
    Command{"APPEND", In::Any, Seq::Ignores, "9051 6.3.12", &Session::append, ""},
    Command{"CAPABILITY", In::Any, Seq::Ignores, "9051 6.1.1", &Session::capability, ""},
    Command{"CHECK", In::Selected, Seq::Ignores, "3501 6.4.1", &Session::check, ""},
    Command{"CLOSE", In::Selected, Seq::Breaks, "9051 6.4.1", &Session::close, ""},
    Command{"COPY", In::Selected, Seq::Uses, "9051 6.4.7", &Session::copy, ""},
    Command{"CREATE", In::Any, Seq::Ignores, "9051 6.3.4", &Session::create, ""},
    Command{"DELETE", In::Any, Seq::Ignores, "9051 6.3.5", &Session::remove, ""},
    Command{"ENABLE", In::Any, Seq::Ignores, "5161 3.1", &Session::enable, "ENABLE"},
    Command{"EXAMINE", In::Any, Seq::Breaks, "9051 6.3.3", &Session::select, ""},
    Command{"EXPUNGE", In::Selected, Seq::Breaks, "9051 6.4.3", &Session::expunge, ""},
    Command{"FETCH", In::Selected, Seq::Uses, "9051 6.4.5", &Session::fetch, ""},
    Command{"ID", In::Any, Seq::Ignores, "2971 3.1", &Session::id, "ID"},
    Command{"IDLE", In::Any, Seq::Ignores, "2177 3", &Session::idle, "IDLE"},
    Command{"LIST", In::Any, Seq::Ignores, "9051 6.3.9", &Session::list,
            "LIST-EXTENDED LIST-STATUS"},
    Command{"LOGOUT", In::Any, Seq::Ignores, "9051 6.1.3", &Session::logout, ""},
    Command{"LSUB", In::Any, Seq::Ignores, "3501 6.3.9", &Session::lsub, ""},
    Command{"MOVE", In::Selected, Seq::Breaks, "6851 3.1", &Session::move, "MOVE"},
    Command{"NAMESPACE", In::Any, Seq::Ignores, "2342 5", &Session::show_namespaces, "NAMESPACE"},
    Command{"NOOP", In::Any, Seq::Ignores, "9051 6.1.2", &Session::noop, ""},
    Command{"RENAME", In::Any, Seq::Ignores, "9051 6.3.6", &Session::rename, ""},
    Command{"SEARCH", In::Selected, Seq::Uses, "9051 6.4.4", &Session::search, "ESEARCH WITHIN"},
    Command{"SELECT", In::Any, Seq::Breaks, "9051 6.3.2", &Session::select, ""},
    Command{"STATUS", In::Any, Seq::Ignores, "9051 6.3.11", &Session::status, "STATUS=SIZE"},
    Command{"STORE", In::Selected, Seq::Uses, "9051 6.4.6", &Session::store, ""},
    Command{"SUBSCRIBE", In::Any, Seq::Ignores, "9051 6.3.7", &Session::subscribe, ""},
    Command{"UID COPY", In::Selected, Seq::Ignores, "9051 6.4.9", &Session::copy, ""},
    Command{"UID EXPUNGE", In::Selected, Seq::Breaks, "4315 2.1", &Session::uid_expunge, "UIDPLUS"},
    Command{"UID FETCH", In::Selected, Seq::Ignores, "9051 6.4.9", &Session::fetch, ""},
    Command{"UID MOVE", In::Selected, Seq::Breaks, "6851 3.2", &Session::move, ""},
    Command{"UID SEARCH", In::Selected, Seq::Ignores, "9051 6.4.9", &Session::search, ""},
    Command{"UID STORE", In::Selected, Seq::Ignores, "9051 6.4.9", &Session::store, ""},
    Command{"UNSELECT", In::Selected, Seq::Breaks, "3691 2", &Session::unselect, "UNSELECT"},
    Command{"UNSUBSCRIBE", In::Any, Seq::Ignores, "9051 6.3.8", &Session::unsubscribe, ""},
};
static_assert(is_command_table(commands));

/// The text of CAPABILITY after login, without its keyword; `setting` is imap_capability.
std::string capability_text(std::string_view setting);

}  // namespace pennypost::imap
