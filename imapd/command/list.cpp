// LIST and LSUB.
//
// STANDARDS  RFC 9051 section 6.3.9, RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258 (LIST-EXTENDED),
//            RFC 5819 (LIST-STATUS), RFC 6154 (SPECIAL-USE), RFC 3348 (CHILDREN)
#include "common/async/turn.h"
#include "imapd/command/lister.h"
#include "imapd/dialogue/session.h"
#include "imapd/response/untagged.h"

namespace pennypost::imap {
namespace {

// A step's work, in machine words of patterns: a millisecond or two.
constexpr std::size_t step_cost = 1 << 20;

}  // namespace

Task<Reply> Session::list(const CommandHead& command) {
  CO_TRY(auto request, parse_list(command.arguments, surroundings_->limits));
  CO_TRY_DO(check_status_items(request.return_status));
  auto separator = store_->separator();
  if (!request.extended && request.patterns.front().empty()) {
    // RFC 9051 section 6.3.9: asks for the separator alone.
    put(list_line("LIST", {"\\Noselect"}, separator, ""));
    co_return Reply::ok("List completed.");
  }
  auto& threads = account_->threads;
  CO_TRY(auto folders, co_await threads.offload([&] { return store_->list(); }));
  std::vector<store::MailboxName> subscribed;
  if (request.select_subscribed) {
    CO_TRY(subscribed, co_await threads.offload([&] { return store_->subscriptions(); }));
  }
  std::optional<Lister> lister;
  std::vector<Lister::Answer> answers;
  auto step = [&] {
    if (!lister) {
      lister.emplace(request, surroundings_->settings().imap_special_use, separator,
                     std::move(folders), std::move(subscribed));
    }
    return lister->run(step_cost, answers);
  };
  for (bool more = true; more;) {
    more = co_await heavy_lane().offload([&] { return step(); });
    co_await look_for_client();
    auto telling = tell_folders(request, answers);
    co_await std::move(telling);
    answers.clear();
  }
  co_return Reply::ok("List completed.");
}

Task<> Session::tell_folders(const ListRequest& request,
                             const std::vector<Lister::Answer>& answers) {
  for (const auto& answer : answers) {
    if (!request.return_status.empty() && answer.has_status) {
      auto reporting = report_status(answer.name, request.return_status);
      auto status = co_await std::move(reporting);
      // RFC 5819 section 2: a mailbox that can't be looked into is listed all the same, but as one
      // that can't be selected unless that may change.
      bool can_select = status || status.error().is_temporary();
      put(can_select ? answer.line : as_not_selectable(answer.line));
      if (status) put(*status);
      co_await look_for_client();
    } else {
      put(answer.line);
    }
    co_await send_if_much();
    if (turn_is_long(loop_)) co_await loop_.turn_end();
  }
}

Task<Reply> Session::lsub(const CommandHead& command) {
  CO_TRY(auto request, parse_lsub(command.arguments, surroundings_->limits));
  if (request.patterns.front().empty()) {
    put(list_line("LSUB", {"\\Noselect"}, store_->separator(), ""));
    co_return Reply::ok("Lsub completed.");
  }
  CO_TRY(auto subscribed,
         co_await account_->threads.offload([&] { return store_->subscriptions(); }));
  auto lines = co_await heavy_lane().offload(
      [&] { return lsub_lines(request, subscribed, store_->separator()); });
  put(lines);
  co_return Reply::ok("Lsub completed.");
}

}  // namespace pennypost::imap
