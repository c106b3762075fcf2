#include "imapd/grammar/list.h"

#include <algorithm>

#include "common/base/text.h"
#include "imapd/grammar/arguments.h"
#include "imapd/grammar/metadata.h"

namespace pennypost::imap {
namespace {

struct StatusName {
  std::string_view name;
  StatusItem item;
};
constexpr StatusName status_names[] = {
    {"MESSAGES", StatusItem::Messages},
    {"RECENT", StatusItem::Recent},
    {"UIDNEXT", StatusItem::UidNext},
    {"UIDVALIDITY", StatusItem::UidValidity},
    {"UNSEEN", StatusItem::Unseen},
    {"DELETED", StatusItem::Deleted},
    {"DELETED-STORAGE", StatusItem::DeletedStorage},
    {"SIZE", StatusItem::Size},
    {"HIGHESTMODSEQ", StatusItem::HighestModSeq},
    {"APPENDLIMIT", StatusItem::AppendLimit},
    {"MAILBOXID", StatusItem::MailboxId},
};

// `(ITEM ITEM)`, at least one.
Result<std::vector<StatusItem>> status_items(Cursor& cursor) {
  std::vector<StatusItem> items;
  TRY_DO(cursor.expect('('));
  cursor.skip_spaces();
  for (;;) {
    TRY(auto name, cursor.keyword());
    auto row = std::ranges::find(status_names, name, &StatusName::name);
    if (row == std::end(status_names)) return Error(501, "Unknown status item " + name);
    if (items.size() == std::size(status_names)) return Error(501, "Too many status items");
    if (std::ranges::find(items, row->item) == items.end()) items.push_back(row->item);
    if (cursor.next_item()) continue;
    TRY_DO(cursor.expect(')'));
    return items;
  }
}

Result<void> selection_option(ListRequest& request, const std::string& name) {
  if (name == "SUBSCRIBED") {
    request.select_subscribed = true;
  } else if (name == "RECURSIVEMATCH") {
    request.select_recursive = true;
  } else if (name == "SPECIAL-USE") {
    request.select_special_use = true;
  } else if (name != "REMOTE") {  // no mailbox here is remote
    return Error(501, "Unknown selection option " + name);
  }
  return {};
}

Result<void> return_option(ListRequest& request, const std::string& name, Cursor& cursor) {
  if (name == "SUBSCRIBED") {
    request.return_subscribed = true;
  } else if (name == "CHILDREN") {
    request.return_children = true;
  } else if (name == "SPECIAL-USE") {
    request.return_special_use = true;
  } else if (name == "MYRIGHTS") {
    request.return_my_rights = true;
  } else if (name == "STATUS") {
    TRY_DO(cursor.space());
    TRY(request.return_status, status_items(cursor));
  } else if (name == "METADATA") {
    TRY_DO(cursor.space());
    TRY(request.return_metadata, parse_entries(cursor));
  } else {
    return Error(501, "Unknown return option " + name);
  }
  return {};
}

// One pattern, or `(PATTERN PATTERN)` with at least one.
Result<void> patterns(ListRequest& request, Cursor& cursor) {
  auto pattern = [&]() -> Result<void> {
    if (request.patterns.size() == cursor.limits().list_patterns_max) {
      return Error(550, ResponseCode::Limit, "Too many patterns (imap_list_patterns_max)");
    }
    TRY(auto text, cursor.list_mailbox());
    request.patterns.push_back(std::move(text));
    return {};
  };
  if (!cursor.skip('(')) return pattern();
  request.extended = true;
  TRY_DO(rest_of_list(cursor, pattern));
  if (request.patterns.empty()) return Error(501, "Expected a mailbox pattern");
  return {};
}

}  // namespace

Result<StatusRequest> parse_status(std::string_view arguments, const Limits& limits) {
  StatusRequest request;
  TRY_DO(
      take_all(arguments, limits, request.mailbox, &Cursor::mailbox, request.items, status_items));
  return request;
}

std::string_view name_of(StatusItem item) {
  return std::ranges::find(status_names, item, &StatusName::item)->name;
}

Result<ListRequest> parse_list(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  ListRequest request;
  TRY_DO(cursor.space());
  if (cursor.skip('(')) {
    request.extended = true;
    auto option = [&]() -> Result<void> {
      TRY(auto name, cursor.keyword());
      return selection_option(request, name);
    };
    TRY_DO(rest_of_list(cursor, option));
    // RFC 5258 section 3.1. RFC 6154 section 6 lets SPECIAL-USE be no base for it either.
    if (request.select_recursive && !request.select_subscribed) {
      return Error(501, "RECURSIVEMATCH goes with SUBSCRIBED only");
    }
    TRY_DO(cursor.space());
  }
  TRY(request.reference, cursor.mailbox());
  TRY_DO(cursor.space());
  TRY_DO(patterns(request, cursor));
  if (!cursor.next_item()) {
    TRY_DO(cursor.end());
    return request;
  }
  request.extended = true;
  if (!cursor.skip_word("RETURN")) return Error(501, "Expected RETURN");
  TRY_DO(cursor.space());
  TRY_DO(cursor.expect('('));
  auto option = [&]() -> Result<void> {
    TRY(auto name, cursor.keyword());
    return return_option(request, name, cursor);
  };
  TRY_DO(rest_of_list(cursor, option));
  TRY_DO(cursor.end());
  return request;
}

Result<ListRequest> parse_lsub(std::string_view arguments, const Limits& limits) {
  ListRequest request;
  TRY_DO(take_all(arguments, limits, request.reference, &Cursor::mailbox,
                  request.patterns.emplace_back(), &Cursor::list_mailbox));
  return request;
}

}  // namespace pennypost::imap
