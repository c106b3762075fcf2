#include "imapd/grammar/multisearch.h"

#include <algorithm>

namespace pennypost::imap {
namespace {

using Kind = MailboxFilter::Kind;

// `(FILTER FILTER)`, with perhaps `(OPTIONS)` at its end, of which none exists yet.
Result<std::vector<MailboxFilter>> sources(Cursor& cursor) {
  std::vector<MailboxFilter> out;
  TRY_DO(cursor.expect('('));
  cursor.skip_spaces();
  do {
    if (cursor.at('(')) return Error(501, "Unknown scope option");
    if (out.size() == search_sources_max) return Error(501, "Too many choices of mailboxes");
    TRY(auto filter, parse_mailbox_filter(cursor));
    if (filter.kind == Kind::SelectedDelayed) {
      return Error(501, "SELECTED-DELAYED is not for ESEARCH");
    }
    out.push_back(std::move(filter));
  } while (cursor.next_item());
  TRY_DO(cursor.expect(')'));
  return out;
}

}  // namespace

Result<MultiSearchRequest> parse_multi_search(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  MultiSearchRequest request;
  TRY_DO(cursor.space());
  if (cursor.skip_word("IN")) {
    TRY_DO(cursor.space());
    TRY(request.sources, sources(cursor));
    TRY_DO(cursor.space());
  } else {
    MailboxFilter selected;
    selected.kind = Kind::Selected;
    request.sources.push_back(std::move(selected));
  }
  auto& search = request.search;
  TRY_DO(take_return_options(cursor, search));
  // RFC 7377 section 2.1.
  if (!search.extended) search.extended = search.return_all = true;
  TRY_DO(take_charset_and_keys(cursor, search));
  auto is_other = [](const MailboxFilter& filter) { return filter.kind != Kind::Selected; };
  if (search.return_save && std::ranges::any_of(request.sources, is_other)) {
    return Error(501, "SAVE goes with the selected mailbox only");
  }
  if (search.return_update && std::ranges::any_of(request.sources, is_other)) {
    return Error(501, "UPDATE goes with the selected mailbox only");
  }
  return request;
}

}  // namespace pennypost::imap
