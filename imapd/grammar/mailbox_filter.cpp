#include "imapd/grammar/mailbox_filter.h"

#include <algorithm>

#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

using Kind = MailboxFilter::Kind;

struct KindName {
  std::string_view name;
  Kind kind;
  bool takes_names;
};
constexpr KindName kind_names[] = {
    {"SELECTED", Kind::Selected, false},     {"SELECTED-DELAYED", Kind::SelectedDelayed, false},
    {"INBOXES", Kind::Inboxes, false},       {"PERSONAL", Kind::Personal, false},
    {"SUBSCRIBED", Kind::Subscribed, false}, {"SUBTREE", Kind::Subtree, true},
    {"SUBTREE-ONE", Kind::SubtreeOne, true}, {"MAILBOXES", Kind::Mailboxes, true},
};

}  // namespace

Result<MailboxFilter> parse_mailbox_filter(Cursor& cursor) {
  TRY(auto name, cursor.keyword());
  const auto* row = std::ranges::find(kind_names, name, &KindName::name);
  if (row == std::end(kind_names)) return Error(501, "Unknown choice of mailboxes " + name);
  MailboxFilter filter;
  filter.kind = row->kind;
  if (!row->takes_names) return filter;
  TRY_DO(cursor.space());
  auto one = [&]() -> Result<void> {
    if (filter.mailboxes.size() == cursor.limits().list_items_max) {
      return Error(501, "Too many mailboxes");
    }
    TRY(auto mailbox, cursor.mailbox());
    filter.mailboxes.push_back(std::move(mailbox));
    return {};
  };
  if (!cursor.skip('(')) {
    TRY_DO(one());
    return filter;
  }
  TRY_DO(rest_of_list(cursor, one));
  if (filter.mailboxes.empty()) return Error(501, "Expected a mailbox");
  return filter;
}

}  // namespace pennypost::imap
