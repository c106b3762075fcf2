#include "imapd/admin/find.h"

#include <algorithm>
#include <future>

#include "imapd/search/searcher.h"

namespace pennypost::imap {
namespace {

// A step of a search, after which progress is shown.
constexpr std::size_t messages_at_once = 500;
constexpr std::uint64_t octets_at_once = 4 << 20;

bool is_missing(const Error& error) { return error.response_code() == ResponseCode::NonExistent; }

// On two threads, if there is work for two.
void read_gathered(Searcher& searcher) {
  std::future<void> helper;
  if (searcher.unread() > 1) helper = std::async([&] { searcher.read(); });
  searcher.read();
  if (helper.valid()) helper.get();
}

std::string label(const AdminAccount& on, const store::MailboxName& name) {
  return on.account.name + ": " + name.text();
}

}  // namespace

Result<void> find_messages_of(const MailQuery& query, AdminAccount& on, store::MailStore& store,
                              store::Access access,
                              const std::function<Result<void>(FoundMessages&)>& use) {
  TRY(auto folders, store.list());
  bool has_named = !query.names_mailbox();
  for (const auto& folder : folders) {
    if (!folder.exists || !folder.selectable) continue;
    const auto& name = folder.name;
    TRY(auto request, query.request_for(name.text(), "", store.separator(), on.call.limits));
    if (!query.names_id() && !may_match(request.key)) continue;
    auto opened = store.open(name, access);
    if (!opened && is_missing(opened.error())) continue;
    if (!opened) return std::move(opened).error();
    Selected selected(*std::move(opened));
    if (query.names_id()) {
      auto id = selected.mailbox().id();
      TRY(request, query.request_for(name.text(), id, store.separator(), on.call.limits));
      if (!may_match(request.key)) continue;
    }
    has_named = true;
    TRY(auto uids, search_folder(on, selected, request));
    if (uids.empty()) continue;
    FoundMessages found{selected, name, std::move(uids)};
    TRY_DO(use(found));
  }
  if (has_named) return {};
  return Error(550, ResponseCode::NonExistent, "there is no folder of the name in the query");
}

Result<std::vector<store::Uid>> search_folder(const AdminAccount& on, Selected& selected,
                                              const SearchRequest& request) {
  auto now = on.store.settings().clock->now_seconds();
  TRY(auto searcher, Searcher::make(selected, selected.mailbox(), request, now));
  // The store has waited for locks already.
  searcher.stop_waiting();
  AdminProgress progress(label(on, selected.mailbox().name()), selected.exists());
  std::vector<std::uint32_t> numbers;
  std::uint32_t looked_at = 0;
  while (searcher.gather(messages_at_once, octets_at_once, numbers)) {
    read_gathered(searcher);
    progress.add(searcher.looked_at() - looked_at);
    looked_at = searcher.looked_at();
  }
  return selected.uids(numbers);
}

Result<void> in_portions(const AdminAccount& on, const FoundMessages& found, std::size_t at_once,
                         const std::function<Result<void>(std::span<const store::Uid>)>& use) {
  AdminProgress progress(label(on, found.name), found.uids.size());
  std::span<const store::Uid> rest = found.uids;
  while (!rest.empty()) {
    auto portion = rest.first(std::min(at_once, rest.size()));
    rest = rest.subspan(portion.size());
    TRY_DO(use(portion));
    progress.add(portion.size());
  }
  return {};
}

}  // namespace pennypost::imap
