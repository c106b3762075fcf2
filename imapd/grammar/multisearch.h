// Parses the arguments of ESEARCH, the search of several mailboxes.
//
//   a1 ESEARCH IN (mailboxes INBOX subtree Lists) RETURN (COUNT) UNSEEN
//
// STANDARDS  RFC 7377 section 4
#pragma once

#include <string_view>
#include <vector>

#include "imapd/grammar/mailbox_filter.h"
#include "imapd/grammar/search.h"

namespace pennypost::imap {

/// Of one ESEARCH, as the client writes them.
inline constexpr std::size_t search_sources_max = 100;

struct MultiSearchRequest {
  /// At least one: `selected` where the client names none.
  std::vector<MailboxFilter> sources;
  SearchRequest search;
};
/// Error 501 also where the results are to be kept, or kept up to date, of other mailboxes than the
/// selected one.
Result<MultiSearchRequest> parse_multi_search(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
