// CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE: the account's mailboxes and their names.
//
// STANDARDS  RFC 9051 sections 6.3.4 to 6.3.8 and 7.1 (HASCHILDREN), RFC 6154 section 3 (USE), RFC
// 8474 section 4.1 (MAILBOXID), RFC 9051 section 6.3.9.7 (OLDNAME)
#include <algorithm>

#include "common/base/text.h"
#include "imapd/command/handlers.h"
#include "imapd/command/lister.h"
#include "imapd/command/word_indexing.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"
#include "store/stores/store_settings.h"

namespace pennypost::imap {
namespace {

using Event = store::MailEvents::Event;

// Unselects the mailbox that is selected if it is `name`, or below it.
void close_if_gone(SessionContext& context, const store::MailboxName& name) {
  if (context.selected() == nullptr) return;
  const auto& open = context.selected()->mailbox().name().text();
  bool is_below = open.size() > name.text().size() && open.starts_with(name.text()) &&
                  open[name.text().size()] == context.store().separator();
  if (open != name.text() && !is_below) return;
  context.put("* OK [CLOSED] The selected mailbox has gone.\r\n");
  context.unselect();
}

// RFC 6154 section 3: the uses that the client gives to a new mailbox; none without USE.
Result<std::vector<std::string>> uses_of(const SessionContext& context,
                                         const CreateRequest& request) {
  std::vector<std::string> uses;
  for (const auto& parameter : request.parameters) {
    if (parameter.name != "USE" || !uses.empty()) {
      return Error(501, "Unknown parameter " + parameter.name);
    }
    Cursor cursor(parameter.value, context.limits());
    TRY(uses, cursor.flag_list());
    TRY_DO(cursor.end());
    if (uses.empty()) return Error(501, "Expected a special use");
  }
  return uses;
}

// Of a mailbox that could not be removed: those below it may be why.
Task<Reply> not_removed(SessionContext& context, store::MailboxName name, Error error) {
  if (error.response_code() != ResponseCode::Cannot || name.is_inbox()) co_return Reply(error);
  auto listed = co_await context.account().threads.offload([&] { return context.store().list(); });
  auto is_above = [&](const auto& folder) { return folder.name == name && folder.has_children; };
  bool has_children = listed && std::ranges::any_of(*listed, is_above);
  co_return has_children ? Reply::no("HASCHILDREN", error.text()) : Reply(error);
}

bool is_named(const store::MailboxName& name, std::string_view wire) {
  return name.text() == wire || (name.is_inbox() && equal_nocase(wire, name.text()));
}

}  // namespace

Task<Reply> create(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_create(command.arguments, context.limits()));
  CO_TRY(auto uses, uses_of(context, request));
  auto& store = context.store();
  // RFC 9051 section 6.3.4: a separator at the end says that names below it will follow.
  bool is_parent = request.mailbox.size() > 1 && request.mailbox.back() == store.separator();
  if (is_parent) request.mailbox.pop_back();
  CO_TRY(auto name, context.new_mailbox_name(request.mailbox));
  // imap_special_use alone says which use a name has: LIST would show no other.
  auto special_uses = store::special_use_items(context.settings().imap_special_use,
                                               context.store().settings().namespace_prefix);
  for (const auto& use : uses) {
    if (!equal_nocase(special_use(special_uses, name), use)) {
      co_return Reply::no("USEATTR", "A mailbox of that name does not get that use here");
    }
  }
  auto create = [&] { return is_parent ? store.create_parent(name) : store.create(name); };
  CO_TRY_DO(co_await context.retry_while_locked([&] { return create(); }));
  context.events().tell_mailbox(Event::MailboxCreate, name);
  // RFC 9051 section 6.3.4: a client that is told no other name takes its own for the new
  // mailbox's; below INBOX that may be written in another case.
  if (context.name_form() == NameForm::Utf8 && !is_named(name, request.mailbox)) {
    context.put(old_name_line(store.separator(), name.text(), request.mailbox));
  }
  context.tell_account(name);
  if (!store.keeps_ids()) co_return Reply::ok("Create completed.");
  auto looking = context.retry_while_locked([&] { return store.status(name); });
  auto made = co_await std::move(looking);
  // Another session may have removed it already.
  if (!made) co_return Reply::ok("Create completed.");
  co_return Reply::ok("[MAILBOXID (" + made->id + ")] Create completed.");
}

Task<Reply> remove(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, context.limits()));
  CO_TRY(auto name, context.mailbox_name(wire));
  auto removing = context.retry_while_locked([&] { return context.store().remove(name); });
  auto removed = co_await std::move(removing);
  if (!removed) {
    auto refusing = not_removed(context, name, removed.error());
    co_return co_await std::move(refusing);
  }
  context.events().tell_mailbox(Event::MailboxDelete, name);
  forget_words_of_gone(context);
  context.tell_account(name);
  // Mailboxes below it stay.
  bool is_selected = context.selected() != nullptr && context.selected()->mailbox().name() == name;
  if (is_selected) close_if_gone(context, name);
  co_return Reply::ok("Delete completed.");
}

Task<Reply> rename(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_rename(command.arguments, context.limits()));
  CO_TRY(auto from, context.mailbox_name(request.from));
  CO_TRY(auto to, context.new_mailbox_name(request.to));
  // Before it shows on disk, where others would take it for two mailboxes.
  context.tell_account(to, from.text());
  auto renaming = context.retry_while_locked([&] { return context.store().rename(from, to); });
  auto renamed = co_await std::move(renaming);
  context.tell_account(to);
  if (!renamed) co_return renamed.error();
  context.events().tell_mailbox(Event::MailboxRename, from, to.text());
  forget_words_of_gone(context);
  // RFC 9051 section 6.3.6. What is renamed from INBOX is a new mailbox.
  if (context.is_rev2() && !from.is_inbox()) {
    context.put(old_name_line(context.store().separator(), to.text(), from.text()));
  }
  // RFC 9051 section 6.3.6: INBOX stays, and so it stays selected; only its messages have moved,
  // which the next look will find.
  if (!from.is_inbox()) close_if_gone(context, from);
  co_return Reply::ok("Rename completed.");
}

Task<Reply> subscribe(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, context.limits()));
  CO_TRY(auto name, context.mailbox_name(wire));
  CO_TRY_DO(co_await context.retry_while_locked([&] { return context.store().subscribe(name); }));
  context.tell_account(name);
  co_return Reply::ok("Subscribe completed.");
}

Task<Reply> unsubscribe(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, context.limits()));
  CO_TRY(auto name, context.mailbox_name(wire));
  CO_TRY_DO(co_await context.retry_while_locked([&] { return context.store().unsubscribe(name); }));
  context.tell_account(name);
  co_return Reply::ok("Unsubscribe completed.");
}

}  // namespace pennypost::imap
