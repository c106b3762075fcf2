#include "imapd/grammar/notify.h"

#include <algorithm>

#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

using Kind = MailboxFilter::Kind;

struct EventName {
  std::string_view name;
  bool NotifyGroup::*flag;
  // Of messages, which alone may be asked for of the selected mailbox.
  bool is_of_messages;
};
constexpr EventName event_names[] = {
    {"MESSAGENEW", &NotifyGroup::message_new, true},
    {"MESSAGEEXPUNGE", &NotifyGroup::message_expunge, true},
    {"FLAGCHANGE", &NotifyGroup::flag_change, true},
    {"MAILBOXNAME", &NotifyGroup::mailbox_name, false},
    {"SUBSCRIPTIONCHANGE", &NotifyGroup::subscription_change, false},
    {"MAILBOXMETADATACHANGE", &NotifyGroup::mailbox_metadata_change, false},
    {"SERVERMETADATACHANGE", &NotifyGroup::server_metadata_change, false},
};

// `(ITEM ITEM)` behind MessageNew.
Result<void> new_items(Cursor& cursor, NotifyGroup& group) {
  auto next = cursor.rest().find_first_not_of(' ');
  if (next == std::string_view::npos || cursor.rest()[next] != '(') return {};
  if (!group.filter.is_selected()) {
    return Error(501, "FETCH items go with the selected mailbox only");
  }
  cursor.skip_spaces();
  TRY(group.new_items, parse_fetch_items(cursor));
  return {};
}

Result<void> event(Cursor& cursor, NotifyGroup& group, NotifyRequest& request) {
  TRY(auto name, cursor.keyword());
  const auto* row = std::ranges::find(event_names, name, &EventName::name);
  if (row == std::end(event_names)) {
    request.names_unknown_event = true;
    return {};
  }
  if (group.filter.is_selected() && !row->is_of_messages) {
    return Error(501, "Of the selected mailbox only events of messages can be asked for");
  }
  group.*row->flag = true;
  return row->flag == &NotifyGroup::message_new ? new_items(cursor, group) : Result<void>();
}

// `(FILTER (EVENT EVENT))` or `(FILTER NONE)`. The events may stand without parentheses, as in an
// example of RFC 5465.
Result<NotifyGroup> group(Cursor& cursor, NotifyRequest& request) {
  NotifyGroup out;
  TRY_DO(cursor.expect('('));
  TRY(out.filter, parse_mailbox_filter(cursor));
  if (out.filter.kind == Kind::SubtreeOne) return Error(501, "SUBTREE-ONE is for ESEARCH");
  TRY_DO(cursor.space());
  if (cursor.skip_word("NONE")) {
    TRY_DO(cursor.expect(')'));
    return out;
  }
  bool has_parentheses = cursor.skip('(');
  cursor.skip_spaces();
  do {
    TRY_DO(event(cursor, out, request));
  } while (cursor.next_item());
  if (has_parentheses) {
    TRY_DO(cursor.expect(')'));
  }
  TRY_DO(cursor.expect(')'));
  // RFC 5465 section 5.
  if (out.message_new != out.message_expunge || (out.flag_change && !out.message_new)) {
    return Error(501, "MessageNew, MessageExpunge go together, and FlagChange goes with them");
  }
  return out;
}

}  // namespace

Result<NotifyRequest> parse_notify(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  NotifyRequest request;
  TRY_DO(cursor.space());
  if (cursor.skip_word("NONE")) {
    TRY_DO(cursor.end());
    return request;
  }
  if (!cursor.skip_word("SET")) return Error(501, "Expected SET or NONE");
  request.is_set = true;
  TRY_DO(cursor.space());
  if (cursor.skip_word("STATUS")) {
    request.with_status = true;
    TRY_DO(cursor.space());
  }
  do {
    if (request.groups.size() == notify_groups_max) return Error(501, "Too many groups of events");
    TRY(auto one, group(cursor, request));
    request.groups.push_back(std::move(one));
  } while (cursor.next_item());
  TRY_DO(cursor.end());
  auto is_selected = [](const NotifyGroup& one) { return one.filter.is_selected(); };
  if (std::ranges::count_if(request.groups, is_selected) > 1) {
    return Error(501, "SELECTED and SELECTED-DELAYED can be given once");
  }
  return request;
}

std::string_view notify_event_names() {
  return "MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange "
         "MailboxMetadataChange ServerMetadataChange";
}

}  // namespace pennypost::imap
