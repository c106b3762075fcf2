// LIST and LSUB: names the mailboxes that match.
//
// STANDARDS  RFC 9051 section 6.3.9, RFC 3501 sections 6.3.8 and 6.3.9, RFC 5258 (LIST-EXTENDED),
//            RFC 5819 (LIST-STATUS), RFC 6154 (SPECIAL-USE), RFC 3348 (CHILDREN),
//            RFC 8440 (LIST-MYRIGHTS), RFC 9590 (LIST-METADATA)
#include "common/async/turn.h"
#include "imapd/command/handlers.h"
#include "imapd/command/lister.h"
#include "imapd/command/shared.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"
#include "store/stores/store_settings.h"

namespace pennypost::imap {
namespace {

// The work of a step, in machine words of patterns: a millisecond or two.
constexpr std::size_t step_cost = 1 << 20;

Task<> tell_folders(SessionContext& context, const ListRequest& request,
                    const std::vector<Lister::Answer>& answers) {
  for (const auto& answer : answers) {
    if (!request.return_status.empty() && answer.has_status) {
      auto reporting = report_status(context, answer.name, request.return_status);
      auto status = co_await std::move(reporting);
      // RFC 5819 section 2: a mailbox that can't be looked into is listed all the same, but as one
      // that can't be selected unless that may change.
      bool can_select = status || status.error().is_temporary();
      context.put(can_select ? answer.line : as_not_selectable(answer.line));
      if (status) context.put(*status);
      co_await context.look_for_client();
    } else {
      context.put(answer.line);
    }
    if (!request.return_metadata.empty() && answer.has_status) {
      auto reporting = report_metadata(context, answer.name, request.return_metadata);
      auto metadata = co_await std::move(reporting);
      context.put(metadata);
    }
    if (request.return_my_rights && answer.has_status) {
      auto reporting = report_my_rights(context, answer.name);
      auto rights = co_await std::move(reporting);
      // RFC 8440 section 3: a mailbox whose rights can't be told is listed without them.
      if (rights) context.put(*rights);
    }
    co_await context.send_if_much();
    if (turn_is_long(context.loop())) co_await context.loop().turn_end();
  }
}

}  // namespace

Task<Reply> list(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_list(command.arguments, context.limits()));
  CO_TRY_DO(check_status_items(context, request.return_status));
  if (request.return_my_rights && !context.offers_acl()) {
    co_return Reply::bad("Unknown return option MYRIGHTS");
  }
  auto separator = context.store().separator();
  if (!request.extended && request.patterns.front().empty()) {
    // RFC 9051 section 6.3.9: an empty pattern asks for the separator.
    context.put(list_line("LIST", {"\\Noselect"}, separator, ""));
    co_return Reply::ok("List completed.");
  }
  auto& threads = context.account().threads;
  CO_TRY(auto folders, co_await threads.offload([&] { return context.store().list(); }));
  std::vector<store::MailboxName> subscribed;
  if (request.select_subscribed) {
    CO_TRY(subscribed, co_await threads.offload([&] { return context.store().subscriptions(); }));
  }
  auto special_uses = store::special_use_items(context.settings().imap_special_use,
                                               context.store().settings().namespace_prefix);
  std::optional<Lister> lister;
  std::vector<Lister::Answer> answers;
  auto step = [&] {
    if (!lister) {
      lister.emplace(request, special_uses, separator, std::move(folders), std::move(subscribed),
                     context.name_form());
    }
    return lister->run(step_cost, answers);
  };
  for (bool more = true; more;) {
    more = co_await context.heavy_lane().offload([&] { return step(); });
    co_await context.look_for_client();
    auto telling = tell_folders(context, request, answers);
    co_await std::move(telling);
    answers.clear();
  }
  co_return Reply::ok("List completed.");
}

Task<Reply> lsub(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_lsub(command.arguments, context.limits()));
  if (request.patterns.front().empty()) {
    context.put(list_line("LSUB", {"\\Noselect"}, context.store().separator(), ""));
    co_return Reply::ok("Lsub completed.");
  }
  CO_TRY(auto subscribed, co_await context.account().threads.offload(
                              [&] { return context.store().subscriptions(); }));
  auto lines = co_await context.heavy_lane().offload([&] {
    return lsub_lines(request, subscribed, context.store().separator(), context.name_form());
  });
  context.put(lines);
  co_return Reply::ok("Lsub completed.");
}

}  // namespace pennypost::imap
