#include "store/index/index.h"

#include <algorithm>

#include "common/log/log.h"
#include "store/index/encoding.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::int64_t retry_seconds = 10;
constexpr std::size_t parts_max = 10'000;
constexpr std::size_t value_bytes_max = 1 << 20;
constexpr std::string_view last_id_key = "i";
constexpr std::size_t state_part_bytes = 256 << 10;
// The values of at least so many neighbours are erased as a range, fewer one by one.
constexpr std::size_t range_min = 8;

std::string prefix(char kind, std::uint64_t id) {
  std::string key(1, kind);
  put_number(key, id);
  return key;
}

std::uint32_t block_of(Uid uid) { return uid.value() >> block_bits; }

std::string block_key(std::uint64_t id, std::uint32_t block) {
  auto key = prefix('f', id);
  put_number(key, block);
  return key;
}

std::string cache_key(std::uint64_t id, CacheItem item, Uid uid) {
  auto key = prefix('c', id);
  key += static_cast<char>(item);
  put_number(key, uid.value());
  return key;
}

std::uint8_t low_bits(Uid uid) {
  return static_cast<std::uint8_t>(uid.value() & ((1u << block_bits) - 1));
}

// Erases all values of these messages, which are in ascending order.
void erase_values(Batch& batch, std::uint64_t id, std::span<const Uid> gone) {
  for (std::size_t i = 0; i < gone.size();) {
    auto end = i + 1;
    while (end < gone.size() && gone[end].value() == gone[end - 1].value() + 1) ++end;
    for (auto item : cache_items) {
      if (end - i >= range_min) {
        batch.erase_range(cache_key(id, item, gone[i]),
                          cache_key(id, item, gone[end - 1]) + std::string(1, '\0'));
        continue;
      }
      for (auto at = i; at < end; ++at) batch.erase(cache_key(id, item, gone[at]));
    }
    i = end;
  }
}

void put_stamp(std::string& out, const FileStamp& stamp) {
  put_number(out, stamp.device);
  put_number(out, stamp.inode);
  put_number(out, stamp.size);
  put_number(out, static_cast<std::uint64_t>(stamp.mtime_ns));
}

FileStamp take_stamp(std::string_view& text) {
  FileStamp stamp;
  stamp.device = take_number<std::uint64_t>(text);
  stamp.inode = take_number<std::uint64_t>(text);
  stamp.size = take_number<std::uint64_t>(text);
  stamp.mtime_ns = static_cast<std::int64_t>(take_number<std::uint64_t>(text));
  return stamp;
}

std::string state_prefix(const std::string& path) { return "s" + path + std::string(1, '\0'); }

}  // namespace

std::string index_directory(const MailLocation& location) {
  bool is_maildir = location.format == MailLocation::Format::Maildir;
  return location.index + (is_maildir ? "/pennypost-index" : "/.imap/.pennypost/index");
}

Index::Index(std::filesystem::path directory, const Clock& clock)
    : directory_(std::move(directory)), clock_(clock) {}

// --- the database
// ---------------------------------------------------------------------------------

// Null while it can't be opened. Called with the mutex held.
std::shared_ptr<Database> Index::database() {
  if (database_ && !is_removed()) return database_;
  if (database_) {
    log_warning("index", directory_.string() + " was removed and is made anew");
    database_.reset();
    parts_.clear();
  }
  auto now = clock_.now_seconds();
  if (now < retry_at_) return nullptr;
  retry_at_ = now + retry_seconds;
  auto trusted = judge();
  if (!trusted) {
    failed(trusted.error());
    return nullptr;
  }
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

// Refuses a directory that others may write to: they could make one message appear as another.
Result<void> Index::judge() const {
  struct stat status {};
  bool exists = ::stat(directory_.c_str(), &status) == 0;
  if (exists && !is_own(status)) return distrusted(directory_.string());
  return {};
}

// Checked once a second: two system calls for each value would be most of its cost.
bool Index::is_removed() {
  auto now = clock_.now_seconds();
  if (now == looked_at_) return false;
  looked_at_ = now;
  return FileStamp::of(directory_.string()).inode != inode_ ||
         !FileStamp::of((directory_ / "CURRENT").string()).exists();
}

// Work goes on without the index, and it is tried again later.
void Index::failed(const Error& error) {
  log_warning("index", "going on without " + directory_.string() + ": " + error.text());
  database_.reset();
  parts_.clear();
  // The damage was found long after opening, so opening it again would not repair it.
  if (storage_problem(error) == StorageProblem::Damaged) {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  retry_at_ = clock_.now_seconds() + retry_seconds;
}

// Called without the mutex; another thread may have noticed before.
void Index::read_failed(const std::shared_ptr<Database>& held, const Error& error) {
  std::lock_guard guard(mutex_);
  if (database_ == held) failed(error);
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
    part.first_recent = take_number<std::uint32_t>(value);
    part.history.begin = take_number<std::uint64_t>(value);
    part.history.bytes = take_number<std::uint32_t>(value);
    part.annotations = take_stamp(value);
    part.lost_after = part.highest;
    part.lost_before = static_cast<std::uint64_t>(clock_.now_seconds()) << 20;
    if (part.uid_validity != folder.uid_validity) {
      part.first_recent = 0;
      part.history = {};
      batch.erase_prefix(history_prefix(part.id));
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
  batch.put(key, part_value(part));
  if (!commit(database, batch)) return {};
  if (parts_.size() >= parts_max) parts_.clear();
  parts_.insert_or_assign(folder.identity, part);
  return part;
}

std::string Index::part_value(const Part& part) {
  std::string value;
  put_number(value, part.id);
  put_number(value, part.uid_validity);
  put_number(value, part.highest);
  put_number(value, part.first_recent);
  put_number(value, part.history.begin);
  put_number(value, part.history.bytes);
  put_stamp(value, part.annotations);
  return value;
}

// Both, or neither. Called without the mutex.
std::pair<std::shared_ptr<Database>, std::optional<Index::Part>> Index::begin(
    const Folder& folder) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  if (!part) held = nullptr;
  return {std::move(held), part};
}

// --- messages
// --------------------------------------------------------------------------------------

std::vector<Index::State> Index::states(const Folder& folder) {
  auto [held, part] = begin(folder);
  std::vector<State> states;
  if (!part) return states;
  auto start = prefix('f', part->id);
  auto entry = held->scan(start);
  for (; entry.valid(); entry.next()) {
    auto rest = entry.key().substr(start.size());
    for_each_state(take_number<std::uint32_t>(rest), entry.value(),
                   [&](const State& state) { states.push_back(state); });
  }
  if (auto status = entry.status(); !status) read_failed(held, status.error());
  return states;
}

ModSeq Index::highest_modseq(const Folder& folder) {
  {
    std::lock_guard guard(mutex_);
    looked_at_ = 0;
  }
  auto [held, part] = begin(folder);
  return ModSeq(part ? part->highest : 0);
}

Uid Index::first_recent(const Folder& folder) {
  auto [held, part] = begin(folder);
  return Uid(part ? part->first_recent : 0);
}

void Index::note_first_recent(const Folder& folder, Uid uid) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  if (!part || part->first_recent == uid.value()) return;
  part->first_recent = uid.value();
  Batch batch;
  batch.put("i" + folder.identity, part_value(*part));
  if (commit(*held, batch)) parts_.insert_or_assign(folder.identity, *part);
}

ModSeq Index::settle(const Folder& folder, std::vector<State>& changed, std::span<const Uid> gone,
                     ModSeq floor) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  auto before = std::max(floor.value(), part ? part->highest : 0);
  auto fresh = std::max(before + 1, static_cast<std::uint64_t>(clock_.now_seconds()) << 20);
  auto highest = gone.empty() ? before : fresh;
  std::vector<Uid> expunged;
  Batch batch;
  auto next_gone = gone.begin();
  auto next_changed = changed.begin();
  while (next_changed != changed.end() || next_gone != gone.end()) {
    auto number = std::min(next_changed == changed.end() ? UINT32_MAX : block_of(next_changed->uid),
                           next_gone == gone.end() ? UINT32_MAX : block_of(*next_gone));
    auto key = part ? block_key(part->id, number) : std::string();
    auto known = part ? held->find(key) : Result<std::optional<std::string>>(std::nullopt);
    Block block;
    if (known && *known) {
      for_each_state(number, **known,
                     [&](const State& state) { block.emplace(low_bits(state.uid), state); });
    }
    bool differs = false;
    for (; next_changed != changed.end() && block_of(next_changed->uid) == number; ++next_changed) {
      auto& state = *next_changed;
      auto old = block.find(low_bits(state.uid));
      if (old != block.end() && old->second.flags == state.flags &&
          old->second.keywords == state.keywords) {
        // Another session of this process has seen the change first.
        state.modseq = old->second.modseq;
        highest = std::max(highest, state.modseq.value());
        continue;
      }
      state.modseq = ModSeq(fresh);
      highest = fresh;
      block.insert_or_assign(low_bits(state.uid), state);
      differs = true;
    }
    for (; next_gone != gone.end() && block_of(*next_gone) == number; ++next_gone) {
      if (block.erase(low_bits(*next_gone)) == 0) continue;
      expunged.push_back(*next_gone);
      differs = true;
    }
    if (!part || !differs) continue;
    if (block.empty()) {
      batch.erase(key);
    } else {
      batch.put(key, block_value(block));
    }
  }
  if (!part) return ModSeq(highest);
  erase_values(batch, part->id, gone);
  if (part->history.begin == 0) part->history.begin = fresh;
  if (!expunged.empty()) add_history(*held, batch, part->id, part->history, fresh, expunged);
  if (batch.empty() && highest == part->highest) return ModSeq(highest);
  part->highest = highest;
  batch.put("i" + folder.identity, part_value(*part));
  if (commit(*held, batch)) parts_.insert_or_assign(folder.identity, *part);
  return ModSeq(highest);
}

// --- what concerns no message
// -------------------------------------------------------------------------

ModSeq Index::count_on(const Folder& folder, ModSeq floor) { return raise(folder, floor, nullptr); }

ModSeq Index::note_annotations(const Folder& folder, const FileStamp& file, ModSeq floor) {
  return raise(folder, floor, &file);
}

ModSeq Index::raise(const Folder& folder, ModSeq floor, const FileStamp* annotations) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  auto before = std::max(floor.value(), part ? part->highest : 0);
  // Without the database it is not known how they were: to count once too often does no harm.
  if (part && annotations != nullptr && part->annotations == *annotations) return ModSeq(before);
  auto fresh = std::max(before + 1, static_cast<std::uint64_t>(clock_.now_seconds()) << 20);
  if (!part) return ModSeq(fresh);
  part->highest = fresh;
  if (part->history.begin == 0) part->history.begin = fresh;
  if (annotations != nullptr) part->annotations = *annotations;
  Batch batch;
  batch.put("i" + folder.identity, part_value(*part));
  if (commit(*held, batch)) parts_.insert_or_assign(folder.identity, *part);
  return ModSeq(fresh);
}

// --- what was expunged
// ------------------------------------------------------------------------------

std::optional<std::vector<Uid>> Index::expunged_since(const Folder& folder, ModSeq since) {
  auto [held, part] = begin(folder);
  bool is_known = part && part->history.begin != 0 && since.value() >= part->history.begin;
  if (!is_known || (since.value() > part->lost_after && since.value() < part->lost_before)) {
    return std::nullopt;
  }
  auto gone = read_history(*held, part->id, since.value());
  if (gone) return *std::move(gone);
  read_failed(held, gone.error());
  return std::nullopt;
}

// --- values
// ----------------------------------------------------------------------------------------

std::optional<std::string> Index::cached(const Folder& folder, Uid uid, CacheItem item) {
  auto [held, part] = begin(folder);
  if (!part) return {};
  auto found = held->find(cache_key(part->id, item, uid));
  if (found) return *std::move(found);
  read_failed(held, found.error());
  return {};
}

std::vector<Index::Value> Index::cached_from(const Folder& folder, CacheItem item, Uid first,
                                             std::size_t count_max, std::size_t bytes_max) {
  auto [held, part] = begin(folder);
  std::vector<Value> values;
  if (!part) return values;
  auto begin_key = cache_key(part->id, item, first);
  auto of_item = begin_key.substr(0, begin_key.size() - sizeof(std::uint32_t));
  auto entry = held->scan_range(begin_key, prefix_end(of_item));
  std::size_t bytes = 0;
  for (; entry.valid() && values.size() < count_max && bytes < bytes_max; entry.next()) {
    auto rest = entry.key().substr(of_item.size());
    values.push_back(
        Value{Uid(take_number<std::uint32_t>(rest)), item, std::string(entry.value())});
    bytes += values.back().text.size();
  }
  if (auto status = entry.status(); !status) read_failed(held, status.error());
  return values;
}

void Index::cache(const Folder& folder, std::span<const Value> values) {
  auto [held, part] = begin(folder);
  if (!part) return;
  Batch batch;
  for (const auto& value : values) {
    if (value.text.size() > value_bytes_max) continue;
    batch.put(cache_key(part->id, value.item, value.uid), value.text);
  }
  if (batch.empty()) return;
  std::lock_guard guard(mutex_);
  commit(*held, batch);
}

// --- folders
// ---------------------------------------------------------------------------------------

std::string Index::state(const std::string& path) {
  std::shared_ptr<Database> held;
  {
    std::lock_guard guard(mutex_);
    held = database();
  }
  std::string text;
  if (!held) return text;
  auto entry = held->scan(state_prefix(path));
  for (; entry.valid() && text.size() < state_bytes_max; entry.next()) text += entry.value();
  auto status = entry.status();
  if (status) return text;
  read_failed(held, status.error());
  return "";
}

void Index::keep_state(const std::string& path, std::string_view text) {
  std::lock_guard guard(mutex_);
  auto held = database();
  if (!held) return;
  if (text.size() > state_bytes_max) text = {};
  auto start = state_prefix(path);
  Batch batch;
  batch.erase_prefix(start);
  for (std::uint32_t part = 0; !text.empty(); ++part) {
    auto key = start;
    put_number(key, part);
    batch.put(key, text.substr(0, state_part_bytes));
    text.remove_prefix(std::min(text.size(), state_part_bytes));
  }
  commit(*held, batch);
}

void Index::forget(const Folder& folder) {
  std::lock_guard guard(mutex_);
  auto held = database();
  auto part = held ? part_of(*held, folder) : std::nullopt;
  if (!part) return;
  Batch batch;
  batch.erase("i" + folder.identity);
  batch.erase_prefix(history_prefix(part->id));
  batch.erase_prefix(prefix('f', part->id));
  batch.erase_prefix(prefix('c', part->id));
  parts_.erase(folder.identity);
  commit(*held, batch);
}

}  // namespace pennypost::store
