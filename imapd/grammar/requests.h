// The arguments of one command in, a typed request out; FETCH and SEARCH have files of their own.
//
// Every parser takes the bytes after the command's name (beginning with the space, or empty) and
// reads them to the end; what does not follow the grammar is Error(501, what was expected), which
// becomes BAD. Extensible places (RFC 4466: parameters of SELECT and CREATE, modifiers of STORE and
// FETCH) are kept by name, so that a handler can take what it knows and refuse the rest.
//
// STANDARDS  RFC 9051 section 6, RFC 3501 section 6 (LSUB, CHECK), RFC 2971 (ID), RFC 4466, RFC
// 4959
//            (SASL-IR), RFC 5161 (ENABLE), RFC 5258 (LIST-EXTENDED), RFC 5819 (LIST-STATUS), RFC
//            6154
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "imapd/grammar/cursor.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

/// What every command begins with.
struct CommandHead {
  std::string tag;
  /// In upper case; `UID FETCH` and its like as two words.
  std::string name;
  /// What follows the name; looks into the text that was parsed.
  std::string_view arguments;

  /// Messages are named, and told of, by UID.
  bool is_uid() const { return name.starts_with("UID "); }
};
Result<CommandHead> parse_head(std::string_view text);

/// A name with an optional value, as in `(CHANGEDSINCE 12345)`.
struct Modifier {
  /// In upper case.
  std::string name;
  /// The value's own text: a word, a set, or a parenthesised list with its parentheses; "" for
  /// none.
  std::string value;
};
/// `(NAME value NAME (value))` at the cursor.
Result<std::vector<Modifier>> parse_modifiers(Cursor& cursor);

/// For commands that have no arguments.
Result<void> parse_nothing(std::string_view arguments, const Limits& limits);

struct LoginRequest {
  std::string user;
  Secret password;
};
Result<LoginRequest> parse_login(std::string_view arguments, const Limits& limits);

struct AuthenticateRequest {
  /// In upper case.
  std::string mechanism;
  /// Decoded; an empty one was written `=` (RFC 4959 section 3).
  std::optional<Secret> initial_response;
};
Result<AuthenticateRequest> parse_authenticate(std::string_view arguments, const Limits& limits);

struct SelectRequest {
  std::string mailbox;
  std::vector<Modifier> parameters;
};
Result<SelectRequest> parse_select(std::string_view arguments, const Limits& limits);

struct CreateRequest {
  std::string mailbox;
  std::vector<Modifier> parameters;
};
Result<CreateRequest> parse_create(std::string_view arguments, const Limits& limits);

/// DELETE, SUBSCRIBE, UNSUBSCRIBE.
Result<std::string> parse_mailbox(std::string_view arguments, const Limits& limits);

struct RenameRequest {
  std::string from;
  std::string to;
};
Result<RenameRequest> parse_rename(std::string_view arguments, const Limits& limits);

enum class StatusItem {
  Messages,
  Recent,
  UidNext,
  UidValidity,
  Unseen,
  Deleted,
  Size,
  HighestModSeq,
  AppendLimit,
  MailboxId,
};
struct StatusRequest {
  std::string mailbox;
  std::vector<StatusItem> items;
};
Result<StatusRequest> parse_status(std::string_view arguments, const Limits& limits);
std::string_view name_of(StatusItem item);

struct ListRequest {
  std::string reference;
  /// At least one.
  std::vector<std::string> patterns;
  /// LIST with `(…)` for a pattern, selection or return options: RFC 5258 asks for other answers
  /// then.
  bool extended = false;
  // Selection options.
  bool select_subscribed = false;
  bool select_remote = false;
  bool select_recursive = false;
  bool select_special_use = false;
  // Return options.
  bool return_subscribed = false;
  bool return_children = false;
  bool return_special_use = false;
  std::vector<StatusItem> return_status;
};
Result<ListRequest> parse_list(std::string_view arguments, const Limits& limits);
/// LSUB: only reference and one pattern.
Result<ListRequest> parse_lsub(std::string_view arguments, const Limits& limits);

struct StoreRequest {
  enum class Change { Replace, Add, Remove };
  SequenceSet messages;
  std::vector<Modifier> modifiers;
  Change change = Change::Replace;
  bool silent = false;
  std::vector<std::string> flags;
};
Result<StoreRequest> parse_store(std::string_view arguments, const Limits& limits);

/// COPY and MOVE.
struct CopyRequest {
  SequenceSet messages;
  std::string mailbox;
};
Result<CopyRequest> parse_copy(std::string_view arguments, const Limits& limits);

/// UID EXPUNGE.
Result<SequenceSet> parse_uid_expunge(std::string_view arguments, const Limits& limits);

/// The extensions ENABLE names, in upper case.
Result<std::vector<std::string>> parse_enable(std::string_view arguments, const Limits& limits);

/// Field and value of ID; no fields for `NIL`. RFC 2971 section 3.3: at most 30.
using IdFields = std::vector<std::pair<std::string, std::optional<std::string>>>;
Result<IdFields> parse_id(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
