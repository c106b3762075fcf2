// Parses the arguments of LIST, LSUB and STATUS.
//
// As in requests.h, what does not follow the grammar is Error 501.
//
// STANDARDS  RFC 9051 sections 6.3.9 and 6.3.11, RFC 3501 section 6.3.9 (LSUB),
//            RFC 5258 (LIST-EXTENDED), RFC 5819 (LIST-STATUS), RFC 6154 (SPECIAL-USE),
//            RFC 8440 (LIST-MYRIGHTS), RFC 9208 section 4.1.4 (DELETED-STORAGE),
//            RFC 9590 (LIST-METADATA)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

enum class StatusItem {
  Messages,
  Recent,
  UidNext,
  UidValidity,
  Unseen,
  Deleted,
  DeletedStorage,
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
  bool select_recursive = false;
  bool select_special_use = false;
  // Return options.
  bool return_subscribed = false;
  bool return_children = false;
  bool return_special_use = false;
  bool return_my_rights = false;
  std::vector<StatusItem> return_status;
  /// The annotations to tell of each mailbox (metadata.h).
  std::vector<std::string> return_metadata;
};
Result<ListRequest> parse_list(std::string_view arguments, const Limits& limits);
/// LSUB: only reference and one pattern.
Result<ListRequest> parse_lsub(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
