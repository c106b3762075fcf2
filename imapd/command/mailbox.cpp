// SELECT, EXAMINE, CLOSE, UNSELECT; CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE; STATUS.
#include <algorithm>

#include "common/mail/encoded.h"
#include "imapd/dialogue/session.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {

// RFC 3501 section 5.1.3: names come in modified UTF-7.
Result<store::MailboxName> Session::mailbox_name(std::string_view wire) const {
  auto utf8 = decode_utf7(wire);
  if (!utf8) return Error(550, ResponseCode::Cannot, "Mailbox name is not valid modified UTF-7");
  return store_->parse_name(*utf8);
}

Task<Reply> Session::select(const CommandHead& command) {
  CO_TRY(auto request, parse_select(command.arguments, surroundings_->limits));
  if (!request.parameters.empty()) {
    co_return Reply::bad("Unknown parameter " + request.parameters.front().name);
  }
  // RFC 9051 section 6.3.2: an attempt that fails leaves no mailbox selected either.
  if (selected_) {
    put("* OK [CLOSED] Previous mailbox closed.\r\n");
    selected_.reset();
  }
  CO_TRY(auto name, mailbox_name(request.mailbox));
  bool read_only = command.name == "EXAMINE";
  auto access = store::Access::ReadWrite;
  if (read_only) access = store::Access::ReadOnly;
  std::string introduction;
  auto open = [&]() -> Result<std::unique_ptr<Selected>> {
    TRY(auto mailbox, store_->open(name, access));
    auto selected = std::make_unique<Selected>(std::move(mailbox));
    introduction = selected->introduction();
    return selected;
  };
  CO_TRY(selected_, co_await patiently([&] { return open(); }));
  put(introduction);
  if (selected_->is_read_only()) co_return Reply::ok("[READ-ONLY] Examine completed.");
  co_return Reply::ok("[READ-WRITE] Select completed.");
}

// RFC 9051 section 6.4.1: as EXPUNGE, but nothing is told. There is no NO: what can't be removed is
// a warning, and the mailbox is closed all the same.
Task<Reply> Session::close(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  if (may_change()) {
    auto expunging = expunge_messages(selected_->view(), "Close completed.");
    auto expunged = co_await std::move(expunging);
    log_failure(expunged);
    if (expunged.status() != Reply::Status::Ok) put("* NO " + expunged.text() + "\r\n");
  }
  selected_.reset();
  co_return Reply::ok("Close completed.");
}

Task<Reply> Session::unselect(const CommandHead& command) {
  CO_TRY_DO(parse_nothing(command.arguments, surroundings_->limits));
  selected_.reset();
  co_return Reply::ok("Unselect completed.");
}

Task<Reply> Session::create(const CommandHead& command) {
  CO_TRY(auto request, parse_create(command.arguments, surroundings_->limits));
  if (!request.parameters.empty()) {
    co_return Reply::bad("Unknown parameter " + request.parameters.front().name);
  }
  // RFC 9051 section 6.3.4: a separator at the end says that names below it will follow.
  bool is_parent = request.mailbox.size() > 1 && request.mailbox.back() == store_->separator();
  if (is_parent) request.mailbox.pop_back();
  CO_TRY(auto name, mailbox_name(request.mailbox));
  auto create = [&] { return is_parent ? store_->create_parent(name) : store_->create(name); };
  CO_TRY_DO(co_await patiently([&] { return create(); }));
  co_return Reply::ok("Create completed.");
}

// The selected mailbox is not there any more under its name.
void Session::close_if_gone(const store::MailboxName& name) {
  if (!selected_) return;
  const auto& open = selected_->mailbox().name().text();
  bool below = open.size() > name.text().size() && open.starts_with(name.text()) &&
               open[name.text().size()] == store_->separator();
  if (open != name.text() && !below) return;
  put("* OK [CLOSED] The selected mailbox has gone.\r\n");
  selected_.reset();
}

Task<Reply> Session::remove(const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, surroundings_->limits));
  CO_TRY(auto name, mailbox_name(wire));
  CO_TRY_DO(co_await patiently([&] { return store_->remove(name); }));
  if (selected_ && selected_->mailbox().name() == name) close_if_gone(name);
  co_return Reply::ok("Delete completed.");
}

Task<Reply> Session::rename(const CommandHead& command) {
  CO_TRY(auto request, parse_rename(command.arguments, surroundings_->limits));
  CO_TRY(auto from, mailbox_name(request.from));
  CO_TRY(auto to, mailbox_name(request.to));
  CO_TRY_DO(co_await patiently([&] { return store_->rename(from, to); }));
  // INBOX stays; only its messages have moved, which the next look will find.
  if (!from.is_inbox()) close_if_gone(from);
  co_return Reply::ok("Rename completed.");
}

Task<Reply> Session::subscribe(const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, surroundings_->limits));
  CO_TRY(auto name, mailbox_name(wire));
  CO_TRY_DO(co_await patiently([&] { return store_->subscribe(name); }));
  co_return Reply::ok("Subscribe completed.");
}

Task<Reply> Session::unsubscribe(const CommandHead& command) {
  CO_TRY(auto wire, parse_mailbox(command.arguments, surroundings_->limits));
  CO_TRY(auto name, mailbox_name(wire));
  CO_TRY_DO(co_await patiently([&] { return store_->unsubscribe(name); }));
  co_return Reply::ok("Unsubscribe completed.");
}

Task<Reply> Session::status(const CommandHead& command) {
  CO_TRY(auto request, parse_status(command.arguments, surroundings_->limits));
  CO_TRY_DO(check_status_items(request.items));
  CO_TRY(auto name, mailbox_name(request.mailbox));
  auto reporting = report_status(name, request.items);
  CO_TRY(auto line, co_await std::move(reporting));
  put(line);
  co_return Reply::ok("Status completed.");
}

Result<void> Session::check_status_items(const std::vector<StatusItem>& items) {
  for (auto item : items) {
    if (item == StatusItem::HighestModSeq || item == StatusItem::MailboxId) {
      return Error(501, "Unknown status item " + std::string(name_of(item)));
    }
  }
  return {};
}

Task<Result<std::string>> Session::report_status(const store::MailboxName& name,
                                                 const std::vector<StatusItem>& items) {
  // RFC 8438 section 3: the sum of RFC822.SIZE, for which each message may have to be looked at.
  bool with_size = std::ranges::find(items, StatusItem::Size) != items.end();
  CO_TRY(auto status, co_await patiently([&] { return store_->status(name, with_size); }));
  co_return status_line(name.text(), items, status, surroundings_->limits.message_bytes_max);
}

}  // namespace pennypost::imap
