// ESEARCH: finds messages in several mailboxes, whichever is selected.
//
// The mailboxes are searched one after another, the others opened read-only for as long as that
// takes. What can't be opened is passed over, as one without a match.
//
// STANDARDS  RFC 7377
#include <algorithm>

#include "imapd/command/find.h"
#include "imapd/command/handlers.h"
#include "imapd/command/mailbox_choice.h"
#include "imapd/command/search_contexts.h"
#include "imapd/grammar/multisearch.h"
#include "imapd/response/untagged.h"
#include "imapd/session/context.h"

namespace pennypost::imap {
namespace {

using store::MailboxName;

std::vector<std::uint32_t> as_uids(const Selected& selected, std::vector<std::uint32_t> numbers) {
  for (auto& number : numbers) number = selected.uid_of(number).value();
  return numbers;
}

// Searches one mailbox, and tells what was found in it.
Task<Result<void>> search_one(SessionContext& context, Selected& selected, std::string_view tag,
                              const SearchRequest& request) {
  SearchFindings findings;
  auto finding = find_messages_in(context, selected, request, &findings);
  CO_TRY(auto found, co_await std::move(finding));
  auto modseq = modseq_of_answer(selected, request, found);
  if (request.return_save) save_found(selected, request, found);
  if (request.return_update) follow_search(context, tag, true, request, {}, found);
  std::vector<std::uint8_t> scores;
  if (request.return_relevancy) scores = scores_of(request, found, findings.scores);
  auto uids = as_uids(selected, std::move(found));
  // RFC 7377 section 2.1: nothing is told of a mailbox without a match.
  if (uids.empty()) co_return Result<void>();
  auto line =
      multi_search_line(tag, selected.mailbox().name().text(), selected.mailbox().uid_validity(),
                        request, uids, modseq, context.name_form(), scores);
  auto sending = context.send(line);
  co_await std::move(sending);
  co_return Result<void>();
}

Task<Result<void>> search_other(SessionContext& context, const MailboxName& name,
                                std::string_view tag, const SearchRequest& request) {
  auto open = [&]() -> Result<std::unique_ptr<Selected>> {
    TRY(auto mailbox, context.store().open(name, store::Access::ReadOnly));
    return std::make_unique<Selected>(std::move(mailbox));
  };
  auto opening = context.retry_while_locked([&] { return open(); });
  auto opened = co_await std::move(opening);
  if (!opened) co_return Result<void>();
  auto searching = search_one(context, **opened, tag, request);
  auto searched = co_await std::move(searching);
  // As one that can't be opened.
  if (!searched && store::is_in_use(searched.error())) co_return Result<void>();
  co_return searched;
}

// The mailboxes to be searched, the selected one apart.
Result<std::vector<MailboxName>> others_of(SessionContext& context,
                                           const MultiSearchRequest& request) {
  std::vector<MailboxChoice> choices;
  for (const auto& filter : request.sources) {
    if (!filter.is_selected()) choices.emplace_back(context, filter);
  }
  std::vector<MailboxName> names;
  if (choices.empty()) return names;
  TRY(auto folders, context.store().list());
  for (const auto& folder : folders) {
    bool is_chosen =
        folder.selectable && std::ranges::any_of(choices, [&](const MailboxChoice& choice) {
          return choice.has(folder.name, folder.subscribed);
        });
    if (is_chosen) names.push_back(folder.name);
  }
  return names;
}

}  // namespace

Task<Reply> multi_search(SessionContext& context, const CommandHead& command) {
  CO_TRY(auto request, parse_multi_search(command.arguments, context.limits()));
  auto* selected = context.selected();
  auto checked = check_search(context, request.search);
  if (!checked && selected != nullptr) {
    co_return search_failed(*selected, request.search, checked.error());
  }
  CO_TRY_DO(std::move(checked));
  bool asks_selected = std::ranges::any_of(request.sources, &MailboxFilter::is_selected);
  if (asks_selected && selected == nullptr) co_return Reply::bad("No mailbox selected");
  if (request.search.return_update && is_followed(context, command.tag)) {
    co_return Reply::bad("Tag reuse");
  }
  CO_TRY(auto names,
         co_await context.light_lane().offload([&] { return others_of(context, request); }));
  if (selected != nullptr) {
    const auto& own = selected->mailbox().name();
    asks_selected = std::erase(names, own) > 0 || asks_selected;
  }
  if (asks_selected) {
    auto searching = search_one(context, *selected, command.tag, request.search);
    auto searched = co_await std::move(searching);
    if (!searched) co_return search_failed(*selected, request.search, searched.error());
  }
  for (const auto& name : names) {
    auto searching = search_other(context, name, command.tag, request.search);
    CO_TRY_DO(co_await std::move(searching));
  }
  co_return Reply::ok("Search completed.");
}

}  // namespace pennypost::imap
