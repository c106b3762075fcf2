#include "store/index/index.h"

#include <algorithm>

#include "common/log/log.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::int64_t retry_seconds = 10;
constexpr std::size_t parts_max = 10'000;
constexpr std::size_t value_bytes_max = 1 << 20;
constexpr std::string_view last_id_key = "i";

template <class Number>
void put_number(std::string& out, Number number) {
  for (int shift = (static_cast<int>(sizeof number) - 1) * 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(number >> shift & 255);
  }
}

template <class Number>
Number take_number(std::string_view& text) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number && i < text.size(); ++i) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(text[i]));
  }
  text.remove_prefix(std::min(sizeof number, text.size()));
  return number;
}

std::string prefix(char kind, std::uint64_t id) {
  std::string key(1, kind);
  put_number(key, id);
  return key;
}

std::string state_key(std::uint64_t id, Uid uid) {
  auto key = prefix('f', id);
  put_number(key, uid.value());
  return key;
}

std::string cache_key(std::uint64_t id, CacheItem item, Uid uid) {
  auto key = prefix('c', id);
  key += static_cast<char>(item);
  put_number(key, uid.value());
  return key;
}

std::string state_value(const Index::State& state) {
  std::string value;
  put_number(value, state.flags.bits());
  put_number(value, state.keywords);
  put_number(value, state.modseq.value());
  return value;
}

Index::State parse_state(Uid uid, std::string_view value) {
  Flags flags(take_number<std::uint8_t>(value));
  auto keywords = take_number<KeywordSet>(value);
  return Index::State{uid, flags, keywords, ModSeq(take_number<std::uint64_t>(value))};
}

}  // namespace

std::string index_directory(const MailLocation& location) {
  bool is_maildir = location.format == MailLocation::Format::Maildir;
  return location.index + (is_maildir ? "/pennypost-index" : "/.imap/.pennypost/index");
}

Index::Index(std::filesystem::path directory, const Clock& clock)
    : directory_(std::move(directory)), clock_(clock) {}

// --- the database
// ---------------------------------------------------------------------------------

// Null while it can't be had. Called with the mutex held.
std::shared_ptr<Database> Index::database() {
  if (database_ && !is_removed()) return database_;
  if (database_) {
    log_warning("index", directory_.string() + " was removed: it is made anew");
    database_.reset();
    parts_.clear();
  }
  auto now = clock_.now_seconds();
  if (now < retry_at_) return nullptr;
  retry_at_ = now + retry_seconds;
  auto opened = Database::open(directory_, Profile::small());
  if (!opened && storage_problem(opened.error()) == StorageProblem::Damaged) {
    log_warning("index",
                directory_.string() + " is damaged and is made anew: " + opened.error().text());
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    opened = Database::open(directory_, Profile::small());
  }
  if (!opened) {
    failed(opened.error());
    return nullptr;
  }
  retry_at_ = 0;
  database_ = std::make_shared<Database>(*std::move(opened));
  inode_ = FileStamp::of(directory_.string()).inode;
  return database_;
}

bool Index::is_removed() const {
  return FileStamp::of(directory_.string()).inode != inode_ ||
         !FileStamp::of((directory_ / "CURRENT").string()).exists();
}

// Work goes on without the index, and it is tried again later.
void Index::failed(const Error& error) {
  log_warning("index", "going on without " + directory_.string() + ": " + error.text());
  database_.reset();
  parts_.clear();
  retry_at_ = clock_.now_seconds() + retry_seconds;
}

bool Index::commit(Database& database, Batch& batch) {
  auto committed = database.commit(batch, Sync::No);
  if (!committed) failed(committed.error());
  return static_cast<bool>(committed);
}

std::optional<Index::Part> Index::part_of(Database& database, const Folder& folder) {
  auto known = parts_.find(folder.identity);
  if (known != parts_.end() && known->second.uid_validity == folder.uid_validity) {
    return known->second;
  }
  auto key = "i" + folder.identity;
  auto found = database.find(key);
  if (!found) {
    failed(found.error());
    return {};
  }
  Part part;
  Batch batch;
  if (*found) {
    std::string_view value = **found;
    part.id = take_number<std::uint64_t>(value);
    part.uid_validity = take_number<std::uint32_t>(value);
    part.highest = take_number<std::uint64_t>(value);
    if (part.uid_validity != folder.uid_validity) {
      batch.erase_prefix(prefix('f', part.id));
      batch.erase_prefix(prefix('c', part.id));
    }
  } else {
    auto last = database.find(last_id_key);
    if (!last) {
      failed(last.error());
      return {};
    }
    std::string_view value = *last ? std::string_view(**last) : std::string_view();
    part.id = take_number<std::uint64_t>(value) + 1;
    std::string next;
    put_number(next, part.id);
    batch.put(last_id_key, next);
  }
  part.uid_validity = folder.uid_validity;
  std::string value;
  put_number(value, part.id);
  put_number(value, part.uid_validity);
  put_number(value, part.highest);
  batch.put(key, value);
  if (!commit(database, batch)) return {};
  if (parts_.size() >= parts_max) parts_.clear();
  parts_.insert_or_assign(folder.identity, part);
  return part;
}

// --- messages
// --------------------------------------------------------------------------------------

std::vector<Index::State> Index::states(const Folder& folder) {
  std::shared_ptr<Database> held;
  std::optional<Part> part;
  {
    std::lock_guard guard(mutex_);
    held = database();
    if (held) part = part_of(*held, folder);
  }
  std::vector<State> states;
  if (!part) return states;
  auto start = prefix('f', part->id);
  auto entry = held->scan(start);
  for (; entry.valid(); entry.next()) {
    auto rest = entry.key().substr(start.size());
    states.push_back(parse_state(Uid(take_number<std::uint32_t>(rest)), entry.value()));
  }
  return states;
}

ModSeq Index::highest_modseq(const Folder& folder) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  return ModSeq(part ? part->highest : 0);
}

ModSeq Index::settle(const Folder& folder, std::vector<State>& changed, std::span<const Uid> gone,
                     ModSeq floor) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  auto before = std::max(floor.value(), part ? part->highest : 0);
  auto fresh = std::max(before + 1, static_cast<std::uint64_t>(clock_.now_seconds()) << 20);
  auto highest = gone.empty() ? before : fresh;
  Batch batch;
  for (auto& state : changed) {
    auto key = part ? state_key(part->id, state.uid) : std::string();
    auto known = part ? held->find(key) : Result<std::optional<std::string>>(std::nullopt);
    if (known && *known) {
      auto old = parse_state(state.uid, **known);
      if (old.flags == state.flags && old.keywords == state.keywords) {
        // Another session of this process has seen the change first.
        state.modseq = old.modseq;
        highest = std::max(highest, old.modseq.value());
        continue;
      }
    }
    state.modseq = ModSeq(fresh);
    highest = fresh;
    if (part) batch.put(key, state_value(state));
  }
  if (!part) return ModSeq(highest);
  for (auto uid : gone) {
    batch.erase(state_key(part->id, uid));
    for (auto item : cache_items) batch.erase(cache_key(part->id, item, uid));
  }
  if (batch.empty() && highest == part->highest) return ModSeq(highest);
  part->highest = highest;
  std::string value;
  put_number(value, part->id);
  put_number(value, part->uid_validity);
  put_number(value, part->highest);
  batch.put("i" + folder.identity, value);
  if (commit(*held, batch)) parts_.insert_or_assign(folder.identity, *part);
  return ModSeq(highest);
}

std::optional<std::string> Index::cached(const Folder& folder, Uid uid, CacheItem item) {
  std::shared_ptr<Database> held;
  std::optional<Part> part;
  {
    std::lock_guard guard(mutex_);
    held = database();
    if (held) part = part_of(*held, folder);
  }
  if (!part) return {};
  auto found = held->find(cache_key(part->id, item, uid));
  if (!found) return {};
  return *std::move(found);
}

void Index::cache(const Folder& folder, Uid uid, CacheItem item, std::string_view value) {
  if (value.size() > value_bytes_max) return;
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  if (!part) return;
  Batch batch;
  batch.put(cache_key(part->id, item, uid), value);
  commit(*held, batch);
}

void Index::forget(const Folder& folder) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  if (!part) return;
  Batch batch;
  batch.erase("i" + folder.identity);
  batch.erase_prefix(prefix('f', part->id));
  batch.erase_prefix(prefix('c', part->id));
  parts_.erase(folder.identity);
  commit(*held, batch);
}

}  // namespace pennypost::store
