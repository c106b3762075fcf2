#include "smtpd/queue/fact_store.h"

#include "common/base/wire.h"
#include "common/log/log.h"

namespace pennypost::smtp {
namespace {

constexpr std::chrono::seconds retry_time{1};
constexpr std::size_t purged_at_once = 1000;

/// What stands in the database for a key.
struct Kept {
  std::int64_t until = 0;
  std::string value;
  template <class Archive>
  void fields(Archive& archive) {
    archive(until, value);
  }
};

struct Opened {
  std::shared_ptr<store::Database> database;
  std::optional<Error> problem;
  std::size_t entries = 0;
};

std::size_t count_entries(const store::Database& database) {
  std::size_t count = 0;
  for (auto entry = database.scan(""); entry.valid(); entry.next()) ++count;
  return count;
}

Opened open_database(const std::filesystem::path& directory) {
  auto opened = store::Database::open(directory, store::Profile::small());
  if (!opened && store::storage_problem(opened.error()) == store::StorageProblem::Damaged) {
    log_warning("qmgr", directory.string() + " is damaged and is made anew");
    std::error_code ignored;
    for (const auto& inside : std::filesystem::directory_iterator(directory, ignored)) {
      std::filesystem::remove_all(inside.path(), ignored);
    }
    opened = store::Database::open(directory, store::Profile::small());
  }
  Opened result;
  if (opened) {
    result.database = std::make_shared<store::Database>(*std::move(opened));
    result.entries = count_entries(*result.database);
  } else {
    result.problem = std::move(opened).error();
  }
  return result;
}

/// Removes what expired before `now`, and returns how many entries are left.
Result<std::size_t> remove_expired(store::Database& database, std::int64_t now) {
  std::size_t left = 0;
  store::Batch batch;
  auto entry = database.scan("");
  for (; entry.valid(); entry.next()) {
    auto kept = wire::decode<Kept>(entry.value());
    if (kept && kept->until > now) {
      ++left;
      continue;
    }
    batch.erase(entry.key());
    if (batch.count() < purged_at_once) continue;
    TRY_DO(database.commit(batch, store::Sync::No));
  }
  TRY_DO(entry.status());
  if (!batch.empty()) {
    TRY_DO(database.commit(batch, store::Sync::No));
  }
  return left;
}

}  // namespace

FactStore::FactStore(Loop& loop, std::filesystem::path directory, const Clock& clock)
    : FactStore(loop, std::move(directory), clock, Limits()) {}

FactStore::FactStore(Loop& loop, std::filesystem::path directory, const Clock& clock, Limits limits)
    : loop_(loop),
      directory_(std::move(directory)),
      clock_(clock),
      limits_(limits),
      changed_(loop),
      tasks_(loop) {
  tasks_.start(run());
}

FactStore::~FactStore() { tasks_.cancel(); }

Task<> FactStore::run() {
  co_await open();
  tasks_.start(purge_forever());
  for (;;) {
    while (unwritten_.empty()) co_await changed_.wait();
    // What is kept in the same turn is written together.
    co_await loop_.yield();
    co_await write();
  }
}

Task<> FactStore::open() {
  for (bool is_first = true;; is_first = false) {
    auto opened = co_await loop_.offload([&] { return open_database(directory_); });
    if (opened.database) {
      database_ = std::move(opened.database);
      entries_ = opened.entries;
      break;
    }
    bool is_locked = store::storage_problem(*opened.problem) == store::StorageProblem::Locked;
    if (is_first && !is_locked) {
      log_warning("qmgr", directory_.string() + ": " + opened.problem->text() +
                              "; until it can be opened, what should be remembered is lost at a "
                              "restart");
    }
    if (!is_locked) {
      is_opened_ = true;
      changed_.notify_all();
    }
    co_await loop_.sleep(retry_time);
  }
  is_opened_ = true;
  changed_.notify_all();
}

Task<std::optional<std::string>> FactStore::find(std::string key) {
  std::int64_t now = clock_.now_seconds();
  for (const auto* recent : {&unwritten_, &writing_}) {
    auto found = recent->find(key);
    if (found == recent->end()) continue;
    if (found->second.until <= now) co_return std::nullopt;
    co_return found->second.value;
  }
  if (!database_) co_return std::nullopt;
  auto database = database_;
  auto found = co_await loop_.offload([&] { return database->find(key); });
  if (!found || !*found) co_return std::nullopt;
  auto kept = wire::decode<Kept>(**found);
  if (!kept || kept->until <= now) co_return std::nullopt;
  co_return std::move(kept->value);
}

void FactStore::keep(std::string key, std::string value, std::int64_t until) {
  auto known = unwritten_.find(key);
  if (known != unwritten_.end()) {
    known->second = Entry{std::move(value), until};
    return;
  }
  if (unwritten_.size() >= limits_.unwritten_max || entries_ >= limits_.entries_max) return;
  // A key that is written again is counted again, until the next purge.
  ++entries_;
  unwritten_.emplace(std::move(key), Entry{std::move(value), until});
  changed_.notify_all();
}

Task<> FactStore::write() {
  writing_.swap(unwritten_);
  auto database = database_;
  auto written = co_await loop_.offload([&]() -> Result<void> {
    store::Batch batch;
    for (const auto& [key, entry] : writing_) {
      Kept kept;
      kept.until = entry.until;
      kept.value = entry.value;
      batch.put(key, wire::encode(kept));
    }
    auto done = database->commit(batch, store::Sync::No);
    if (!done && database->heal()) done = database->commit(batch, store::Sync::No);
    return done;
  });
  if (!written) log_warning("qmgr", directory_.string() + ": " + written.error().text());
  writing_.clear();
  changed_.notify_all();
}

Task<> FactStore::settle() {
  while (!is_opened_ || (database_ && !(unwritten_.empty() && writing_.empty()))) {
    co_await changed_.wait();
  }
}

Task<std::vector<std::pair<std::string, std::string>>> FactStore::all(std::string prefix) {
  co_await settle();
  std::vector<std::pair<std::string, std::string>> found;
  if (!database_) co_return found;
  auto database = database_;
  std::int64_t now = clock_.now_seconds();
  co_await loop_.offload([&] {
    for (auto entry = database->scan(prefix); entry.valid(); entry.next()) {
      auto kept = wire::decode<Kept>(entry.value());
      if (kept && kept->until > now) found.emplace_back(entry.key(), std::move(kept->value));
    }
  });
  co_return found;
}

Task<> FactStore::purge() {
  if (!database_) co_return;
  auto database = database_;
  std::int64_t now = clock_.now_seconds();
  auto left = co_await loop_.offload([&] { return remove_expired(*database, now); });
  if (left) {
    entries_ = *left;
  } else {
    log_warning("qmgr", directory_.string() + ": " + left.error().text());
  }
}

Task<> FactStore::purge_forever() {
  for (;;) {
    co_await loop_.sleep(limits_.purge_round);
    co_await purge();
  }
}

}  // namespace pennypost::smtp
