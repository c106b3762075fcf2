// Parses the arguments of most commands into typed requests; APPEND, FETCH, LIST, SEARCH and STATUS
// have files of their own.
//
// Every parser takes the bytes after the command's name (they begin with the space, or are empty)
// and reads them to the end. What does not follow the grammar is Error 501 with what was expected;
// it becomes BAD. Where the grammar is extensible (RFC 4466: parameters of SELECT and CREATE,
// modifiers of STORE and FETCH) names are kept, so that a handler can take what it knows and refuse
// the rest.
//
// STANDARDS  RFC 9051 section 6, RFC 3501 section 6 (CHECK), RFC 2971 (ID), RFC 4466,
//            RFC 4959 (SASL-IR), RFC 5161 (ENABLE), RFC 10022 (UIDBATCHES)
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

/// The tag and the name, with which every command begins.
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
/// Reads `(NAME value NAME (value))` at the cursor.
Result<std::vector<Modifier>> parse_modifiers(Cursor& cursor);

/// For commands without arguments.
Result<void> parse_nothing(std::string_view arguments, const Limits& limits);

struct LoginRequest {
  std::string user;
  Secret password;
};
Result<LoginRequest> parse_login(std::string_view arguments, const Limits& limits);

struct AuthenticateRequest {
  /// In upper case.
  std::string mechanism;
  /// Decoded. The client writes an empty one as `=` (RFC 4959 section 3).
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

/// CANCELUPDATE: the tags of searches, at least one.
Result<std::vector<std::string>> parse_tags(std::string_view arguments, const Limits& limits);

/// GETQUOTA: the name of a quota root.
Result<std::string> parse_quota_root(std::string_view arguments, const Limits& limits);

/// The mechanism of COMPRESS, in upper case.
Result<std::string> parse_compress(std::string_view arguments, const Limits& limits);

/// The extensions ENABLE names, in upper case.
Result<std::vector<std::string>> parse_enable(std::string_view arguments, const Limits& limits);

/// Into how large parts a mailbox is to be divided, and which of them the client asks for.
struct UidBatchesRequest {
  std::uint32_t messages = 0;
  /// The first and the last, counted from 1 at the newest; without them all.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> batches;
};
Result<UidBatchesRequest> parse_uid_batches(std::string_view arguments, const Limits& limits);

/// The fields of ID and their values; none for `NIL`. RFC 2971 section 3.3: at most 30.
using IdFields = std::vector<std::pair<std::string, std::optional<std::string>>>;
Result<IdFields> parse_id(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
