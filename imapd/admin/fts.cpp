// Keeps users' indexes of words: `pennypost fts rescan|optimize`.
//
// The running imapd's worker and we write in turn, as Xapian's lock has it; we give the lock back
// behind each mailbox, so that a search that waits for the index does not wait long.
#include <chrono>
#include <filesystem>
#include <thread>

#include "imapd/admin/actions.h"
#include "imapd/admin/name_filter.h"
#include "store/indexing/folder_indexer.h"
#include "store/indexing/word_sweep.h"
#include "store/search/place.h"
#include "store/search/word_index.h"

namespace pennypost::imap {
namespace {

using Form = AdminOutput::Form;

// How long we wait for the worker, and how often we look.
constexpr std::chrono::seconds wait_max{60};
constexpr std::chrono::milliseconds wait_step{200};
// Of text that is put in between two signs of progress.
constexpr std::uint64_t octets_at_once = 4 << 20;

/// Calls `function` until nobody else writes the index.
template <class Function>
auto when_free(Function function) -> decltype(function()) {
  auto end = std::chrono::steady_clock::now() + wait_max;
  for (;;) {
    auto done = function();
    bool is_in_use = !done && done.error().response_code() == ResponseCode::InUse;
    if (!is_in_use) return done;
    if (std::chrono::steady_clock::now() > end) {
      return Error(451, ResponseCode::InUse,
                   "imapd has been writing the index of words for a minute; try again later");
    }
    std::this_thread::sleep_for(wait_step);
  }
}

/// What both commands do first.
class WordAction : public AdminAction {
 public:
  Result<void> run(AdminAccount& on) final {
    if (!on.call.config->imap_fts) {
      return Error(550, ResponseCode::Cannot, "there is no index of words: imap_fts is no");
    }
    if (!on.has_mail) return {};
    TRY(auto location,
        store::MailLocation::parse(on.account.mail_location, {on.account.name, on.account.home}));
    return work(on, store::words_directory(location));
  }

 private:
  virtual Result<void> work(AdminAccount& on, const std::string& directory) = 0;
};

class RescanWords final : public WordAction {
 public:
  explicit RescanWords(const AdminCall& call) : patterns_(call.words) {}

 private:
  Result<void> work(AdminAccount& on, const std::string& directory) override {
    NameFilter filter(patterns_, on.store.separator());
    bool has_any = false;
    TRY(auto folders, on.store.list());
    for (const auto& folder : folders) {
      if (!folder.exists || !folder.selectable || !filter.has(folder.name.text())) continue;
      auto done = rescan(on, directory, folder.name);
      if (!done && done.error().response_code() == ResponseCode::Corruption) {
        store::discard_words(directory);
        done = rescan(on, directory, folder.name);
      }
      if (!done && done.error().response_code() == ResponseCode::NonExistent) continue;
      if (!done) return Error(done.error().code(), folder.name.text() + ": " + done.error().text());
      has_any = true;
    }
    if (!has_any) return Error(550, ResponseCode::NonExistent, "there is no such folder");
    return patterns_.empty() ? sweep(on, directory) : Result<void>();
  }

  Result<void> rescan(AdminAccount& on, const std::string& directory,
                      const store::MailboxName& name) const {
    TRY(auto mailbox, on.store.open(name, store::Access::ReadOnly));
    TRY(auto writer, when_free([&] { return store::WordWriter::open(directory); }));
    const auto& config = *on.call.config;
    store::FolderIndexer indexer(*mailbox, *writer, config.fts_message_max_size,
                                 {config.fts_decoder});
    TRY(auto more, indexer.run(octets_at_once));
    AdminProgress progress(on.account.name + ": " + name.text(), indexer.wanted());
    for (std::size_t told = 0; more;) {
      progress.add(indexer.done() - told);
      told = indexer.done();
      TRY(more, indexer.run(octets_at_once));
    }
    auto row = on.row_begin();
    row.emplace_back("mailbox", name.text());
    row.emplace_back("messages", mailbox->messages().size());
    row.emplace_back("added", indexer.added());
    row.emplace_back("dropped", indexer.dropped());
    on.out.row(Form::Flow, row);
    return {};
  }

  Result<void> sweep(AdminAccount& on, const std::string& directory) const {
    TRY(auto writer, when_free([&] { return store::WordWriter::open(directory); }));
    store::WordSweep sweep(on.store, *writer);
    for (bool more = true; more;) {
      TRY(more, sweep.step());
    }
    if (sweep.forgotten() == 0) return {};
    auto row = on.row_begin();
    row.emplace_back("mailbox", std::string("(removed)"));
    row.emplace_back("messages", std::uint64_t{0});
    row.emplace_back("added", std::uint64_t{0});
    row.emplace_back("dropped", sweep.forgotten());
    on.out.row(Form::Flow, row);
    return {};
  }

  std::vector<std::string> patterns_;
};

class OptimizeWords final : public WordAction {
 private:
  static std::uint64_t octets_of(const std::string& directory) {
    std::uint64_t octets = 0;
    std::error_code problem;
    std::filesystem::directory_iterator entries(directory, problem);
    for (const auto& entry : entries) {
      auto size = entry.file_size(problem);
      if (!problem) octets += size;
    }
    return octets;
  }

  Result<void> work(AdminAccount& on, const std::string& directory) override {
    if (!store::has_words(directory)) return {};
    auto before = octets_of(directory);
    TRY_DO(when_free([&] { return store::optimize_words(directory); }));
    auto row = on.row_begin();
    row.emplace_back("index", directory);
    row.emplace_back("before", before);
    row.emplace_back("after", octets_of(directory));
    on.out.row(Form::Flow, row);
    return {};
  }
};

}  // namespace

MadeAction rescan_words(const AdminCall& call) {
  return MadeAction(std::make_unique<RescanWords>(call));
}

MadeAction optimize_words_of(const AdminCall& call) {
  if (!call.words.empty()) {
    return Error(501, "a user has one index for all mailboxes; no mailbox can be named");
  }
  return MadeAction(std::make_unique<OptimizeWords>());
}

}  // namespace pennypost::imap
