// Parses what an IMAP server answers, as far as a client needs it that copies mail.
//
// An answer is one text without its tag or `*`, its literals in place: `{3}CRLF` and three octets.
// What a server adds that is not asked for is passed over.
//
// STANDARDS  RFC 3501 section 7 and RFC 9051 section 7 (answers), RFC 2342 section 6 (NAMESPACE)
// LIMITS     those of `limits`; of a FETCH also answer_nesting_max
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

inline constexpr std::size_t answer_nesting_max = 20;

/// `LIST (\HasNoChildren \Sent) "/" "Sent Items"`
struct ListedFolder {
  std::vector<std::string> attributes;
  char separator = '\0';  // none: the folder has no levels
  std::string name;       // as the server writes it

  bool has(std::string_view attribute) const;
};
/// LIST or LSUB. Error 501: what is wrong with it.
Result<ListedFolder> parse_listed(std::string_view answer, const Limits& limits);

/// `12 FETCH (UID 5 FLAGS (\Seen) …)`: what it tells; nothing of what it does not.
struct FetchedMessage {
  std::uint32_t uid = 0;  // 0: not told
  std::optional<std::uint64_t> octets;
  std::optional<std::vector<std::string>> flags;
  std::optional<std::int64_t> date;  // INTERNALDATE, seconds since 1970
  std::optional<std::string> text;   // BODY[]; nothing for NIL
};
/// Nothing if it is no FETCH. Error 501: what is wrong with it.
Result<std::optional<FetchedMessage>> parse_fetched(std::string_view answer, const Limits& limits);

/// `NAMESPACE (("INBOX." ".")) (("user." ".")) NIL`
struct Namespaces {
  std::string prefix;               // of the user's own folders
  std::vector<std::string> others;  // of those of other users, and of shared ones
};
Result<Namespaces> parse_namespaces(std::string_view answer, const Limits& limits);

/// The words of `CAPABILITY IMAP4rev1 …`, in upper case.
std::vector<std::string> parse_capabilities(std::string_view answer);

/// The number in a code: 7 of `OK [UIDVALIDITY 7] text` for `UIDVALIDITY`.
std::optional<std::uint32_t> number_in_code(std::string_view answer, std::string_view code);

/// Whether the answer is a state of the conversation (OK, NO, BAD, BYE, PREAUTH), whose text is for
/// people and has no literals.
bool is_state(std::string_view answer);

}  // namespace pennypost::imap
