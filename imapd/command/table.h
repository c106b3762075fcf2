// Every command of IMAP, before login and after: where it is allowed, what is told of the mailbox
// at its end, its RFC, who carries it out, and what CAPABILITY says for it.
//
// One row is one promise. Both dialogues look commands up here, and CAPABILITY is made of the rows:
// a capability stands in the row of the command that makes it whole.
//
// SEE ALSO   handlers.h (the functions), ../dialogue/session.h and login_session.h (who looks up)
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "common/session/command_table.h"
#include "imapd/command/handlers.h"

namespace pennypost::imap {

/// Where a command is allowed (RFC 9051 section 3).
enum class In {
  Any,
  NotAuthenticated,
  LoggedIn,
  /// Logged in, and with a mailbox selected.
  Selected,
};

/// What a command tells of the selected mailbox before its tagged line.
enum class News {
  /// Nothing: it has just told everything, or leaves no mailbox selected, or comes before login.
  None,
  /// New messages and flags. RFC 9051 section 7.5.1: no expunge before the end of a command that
  /// names messages by sequence number, or answers with such.
  WithoutExpunges,
  All,
};

/// To whom CAPABILITY names it: once logged in, or before as well.
enum class Told { AfterLogin, Always };

/// A handler, by what it takes.
using Handler = std::variant<Task<Reply> (*)(Conversation&, const CommandHead&),
                             Task<Reply> (*)(LoginContext&, const CommandHead&),
                             Task<Reply> (*)(SessionContext&, const CommandHead&)>;

struct Command {
  std::string_view name;
  In allowed;
  News news;
  std::string_view rfc;
  Handler handler;
  /// What CAPABILITY says for it; "" for what every server has.
  std::string_view capability = "";
  Told told = Told::AfterLogin;

  /// Where the row is allowed there, and only there.
  Task<Reply> call(LoginContext& context, const CommandHead& command) const;
  Task<Reply> call(SessionContext& context, const CommandHead& command) const;
};

inline constexpr std::array commands{
    Command{"APPEND", In::LoggedIn, News::All, "9051 6.3.12", &append,
            "CATENATE MULTIAPPEND URL-PARTIAL"},
    Command{"AUTHENTICATE", In::NotAuthenticated, News::None, "9051 6.2.2", &authenticate,
            "SASL-IR", Told::Always},
    Command{"CANCELUPDATE", In::Selected, News::All, "5267 4.3.5", &cancel_update},
    Command{"CAPABILITY", In::Any, News::All, "9051 6.1.1", &capability},
    Command{"CHECK", In::Selected, News::All, "3501 6.4.1", &check},
    Command{"CLOSE", In::Selected, News::None, "9051 6.4.1", &close},
    Command{"COMPRESS", In::LoggedIn, News::All, "4978 3", &compress, "COMPRESS=DEFLATE"},
    Command{"COPY", In::Selected, News::WithoutExpunges, "9051 6.4.7", &copy},
    Command{"CREATE", In::LoggedIn, News::All, "9051 6.3.4", &create, "CREATE-SPECIAL-USE"},
    Command{"DELETE", In::LoggedIn, News::All, "9051 6.3.5", &remove},
    Command{"DELETEACL", In::LoggedIn, News::All, "4314 3.2", &delete_acl},
    Command{"ENABLE", In::LoggedIn, News::All, "5161 3.1", &enable, "ENABLE IMAP4rev2 UTF8=ACCEPT",
            Told::Always},
    Command{"ESEARCH", In::LoggedIn, News::All, "7377 2", &multi_search, "MULTISEARCH"},
    Command{"EXAMINE", In::LoggedIn, News::None, "9051 6.3.3", &examine},
    Command{"EXPUNGE", In::Selected, News::All, "9051 6.4.3", &expunge},
    Command{"FETCH", In::Selected, News::WithoutExpunges, "9051 6.4.5", &fetch,
            "BINARY INPROGRESS PREVIEW SAVEDATE"},
    Command{"FILTER", In::Selected, News::WithoutExpunges, "draft-bosch-imap-filter-sieve 3.2",
            &filter},
    Command{"GETACL", In::LoggedIn, News::All, "4314 3.3", &get_acl},
    Command{"GETMETADATA", In::LoggedIn, News::All, "5464 4.2", &get_metadata, "METADATA"},
    Command{"GETQUOTA", In::LoggedIn, News::All, "9208 4.1.1", &get_quota,
            "QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"},
    Command{"GETQUOTAROOT", In::LoggedIn, News::All, "9208 4.1.2", &get_quota_root},
    Command{"ID", In::Any, News::All, "2971 3.1", &id, "ID", Told::Always},
    Command{"IDLE", In::LoggedIn, News::All, "2177 3", &idle, "IDLE", Told::Always},
    Command{"LIST", In::LoggedIn, News::All, "9051 6.3.9", &list,
            "CHILDREN LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS LIST-STATUS SPECIAL-USE"},
    Command{"LISTRIGHTS", In::LoggedIn, News::All, "4314 3.4", &list_rights},
    Command{"LOGIN", In::NotAuthenticated, News::None, "9051 6.2.3", &login},
    Command{"LOGOUT", In::Any, News::None, "9051 6.1.3", &logout},
    Command{"LSUB", In::LoggedIn, News::All, "3501 6.3.9", &lsub},
    Command{"MOVE", In::Selected, News::All, "6851 3.1", &move, "MOVE"},
    Command{"MYRIGHTS", In::LoggedIn, News::All, "4314 3.5", &my_rights},
    Command{"NAMESPACE", In::LoggedIn, News::All, "2342 5", &show_namespaces, "NAMESPACE"},
    Command{"NOOP", In::Any, News::All, "9051 6.1.2", &noop},
    Command{"NOTIFY", In::LoggedIn, News::All, "5465 3.1", &notify, "NOTIFY"},
    Command{"RENAME", In::LoggedIn, News::All, "9051 6.3.6", &rename},
    Command{"REPLACE", In::Selected, News::All, "8508 3.2", &replace, "REPLACE"},
    Command{"SEARCH", In::Selected, News::WithoutExpunges, "9051 6.4.4", &search,
            "CONTEXT=SEARCH ESEARCH PARTIAL SEARCHRES WITHIN"},
    Command{"SELECT", In::LoggedIn, News::None, "9051 6.3.2", &select, "CONDSTORE QRESYNC"},
    Command{"SETACL", In::LoggedIn, News::All, "4314 3.1", &set_acl, "ACL RIGHTS=kxte"},
    Command{"SETMETADATA", In::LoggedIn, News::All, "5464 4.3", &set_metadata},
    Command{"SETQUOTA", In::LoggedIn, News::All, "9208 4.1.3", &set_quota, "QUOTASET"},
    Command{"SORT", In::Selected, News::WithoutExpunges, "5256 3", &sort,
            "SORT SORT=DISPLAY CONTEXT=SORT ESORT I18NLEVEL=1"},
    Command{"STARTTLS", In::NotAuthenticated, News::None, "9051 6.2.1", &starttls},
    Command{"STATUS", In::LoggedIn, News::All, "9051 6.3.11", &status, "STATUS=SIZE"},
    Command{"STORE", In::Selected, News::WithoutExpunges, "9051 6.4.6", &store_flags},
    Command{"SUBSCRIBE", In::LoggedIn, News::All, "9051 6.3.7", &subscribe},
    Command{"THREAD", In::Selected, News::WithoutExpunges, "5256 3", &thread,
            "THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS"},
    Command{"UID COPY", In::Selected, News::All, "9051 6.4.9", &copy},
    Command{"UID EXPUNGE", In::Selected, News::All, "4315 2.1", &uid_expunge, "UIDPLUS"},
    Command{"UID FETCH", In::Selected, News::All, "9051 6.4.9", &fetch},
    Command{"UID FILTER", In::Selected, News::All, "draft-bosch-imap-filter-sieve 3.2", &filter},
    Command{"UID MOVE", In::Selected, News::All, "6851 3.2", &move},
    Command{"UID REPLACE", In::Selected, News::All, "8508 3.3", &replace},
    Command{"UID SEARCH", In::Selected, News::All, "9051 6.4.9", &search},
    Command{"UID SORT", In::Selected, News::All, "5256 3", &sort},
    Command{"UID STORE", In::Selected, News::All, "9051 6.4.9", &store_flags},
    Command{"UID THREAD", In::Selected, News::All, "5256 3", &thread},
    Command{"UIDBATCHES", In::Selected, News::All, "10022 3", &uid_batches, "UIDBATCHES"},
    Command{"UNAUTHENTICATE", In::LoggedIn, News::None, "8437 3", &unauthenticate,
            "UNAUTHENTICATE"},
    Command{"UNSELECT", In::Selected, News::None, "3691 2", &unselect, "UNSELECT"},
    Command{"UNSUBSCRIBE", In::LoggedIn, News::All, "9051 6.3.8", &unsubscribe},
};
static_assert(is_command_table(commands));

/// Whether a command names messages by number, which a client that has enabled UIDONLY may not do
/// (RFC 9586 section 3): each such has a form with UIDs beside it. EXPUNGE names none.
bool names_by_number(const Command& row);

/// Whether each handler takes what there is where its command is allowed: what call() relies on.
constexpr bool handlers_fit() {
  for (const auto& row : commands) {
    std::size_t wanted = 2;
    if (row.allowed == In::Any) wanted = 0;
    if (row.allowed == In::NotAuthenticated) wanted = 1;
    if (row.handler.index() != wanted) return false;
  }
  return true;
}
static_assert(handlers_fit());

/// The text of CAPABILITY as of now, without its keyword.
std::string capability_text(const Conversation& context);

}  // namespace pennypost::imap
