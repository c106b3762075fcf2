#include "store/filtering/memory.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/crypto/digest.h"
#include "store/mailbox/directory_lock.h"
#include "store/mailbox/file.h"

namespace pennypost::store {
namespace {

constexpr std::size_t key_digits = 32;
constexpr std::size_t stale_lines_min = 1000;  // fewer are not worth writing the file anew
/// Of too many, so that not each further one has the file written anew.
constexpr std::size_t memory_entries_kept = memory_entries_max - memory_entries_max / 10;
/// Of twice as many lines as there may be entries, each below 200 octets.
constexpr std::uint64_t memory_bytes_max = 2 * memory_entries_max * 200 + (1 << 20);

std::string digest_of(std::string_view key) {
  Sha256 sha;
  sha.add(key);
  return hex_encode(sha.finish()).substr(0, key_digits);
}

std::string directory_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

}  // namespace

std::string memory_path(const MailLocation& location) {
  bool is_maildir = location.format == MailLocation::Format::Maildir;
  return location.index + (is_maildir ? "/pennypost-sieve" : "/.imap/.pennypost/sieve");
}

Result<bool> SieveMemory::knows(std::string_view key) {
  TRY_DO(load());
  auto found = entries_.find(digest_of(key));
  if (found == entries_.end()) return false;
  const auto& entry = found->second;
  return (entry.by == by_ ? entry.before : entry.expires) > now_;
}

Result<bool> SieveMemory::has_noted(std::string_view key) {
  TRY_DO(load());
  auto found = entries_.find(digest_of(key));
  return found != entries_.end() && found->second.by == by_ && found->second.expires > now_;
}

Result<void> SieveMemory::note(const sieve::Remembered& done) {
  TRY_DO(load());
  auto key = digest_of(done.key);
  auto& entry = entries_[key];
  entry.by = by_;
  entry.expires = now_ + static_cast<std::int64_t>(done.seconds);
  ++lines_;
  TRY_DO(append(line(key, entry)));
  ends_in_line_ = true;
  return {};
}

Result<void> SieveMemory::remember(const std::vector<sieve::Remembered>& all) {
  if (all.empty()) {
    lock_ = Descriptor();
    return {};
  }
  TRY_DO(load());
  std::string added;
  for (const auto& one : all) {
    auto key = digest_of(one.key);
    auto& entry = entries_[key];
    if (entry.by != by_) entry.before = entry.expires;
    entry.by = by_;
    entry.expires = now_ + static_cast<std::int64_t>(one.seconds);
    added += line(key, entry);
  }
  lines_ += all.size();
  std::erase_if(entries_, [&](const auto& each) { return each.second.expires <= now_; });
  bool has_too_many = entries_.size() > memory_entries_max;
  if (has_too_many) forget_first_expired();
  bool is_stale = lines_ > stale_lines_min && lines_ > 2 * entries_.size();
  auto written = has_too_many || is_stale ? rewrite() : append(added);
  lock_ = Descriptor();
  return written;
}

/// Locks and reads the file, once.
Result<void> SieveMemory::load() {
  if (lock_) return {};
  auto directory = directory_of(path_);
  TRY_DO(make_directories(directory));
  TRY(lock_, lock_directory(directory));
  entries_.clear();
  lines_ = 0;
  TRY(auto text, read_file(path_, memory_bytes_max));
  if (!text) return {};
  ends_in_line_ = text->empty() || text->ends_with('\n');
  std::string_view rest = *text;
  for (auto end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    take(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    ++lines_;
  }
  return {};
}

void SieveMemory::take(std::string_view line) {
  auto fields = split(line, ' ');
  if (fields.size() != 4 || fields[3].size() != key_digits) return;
  auto expires = parse_number(fields[0]);
  auto before = parse_number(fields[1]);
  if (!expires || !before) return;
  Entry entry;
  entry.expires = static_cast<std::int64_t>(*expires);
  entry.before = static_cast<std::int64_t>(*before);
  entry.by = fields[2];
  entries_.insert_or_assign(std::string(fields[3]), std::move(entry));
}

std::string SieveMemory::line(const std::string& key, const Entry& entry) const {
  return std::to_string(entry.expires) + " " + std::to_string(entry.before) + " " + entry.by + " " +
         key + "\n";
}

void SieveMemory::forget_first_expired() {
  std::vector<std::pair<std::int64_t, std::string>> by_time;
  for (const auto& [key, entry] : entries_) {
    if (entry.by != by_) by_time.emplace_back(entry.expires, key);
  }
  auto over = std::min(entries_.size() - memory_entries_kept, by_time.size());
  std::ranges::partial_sort(by_time, by_time.begin() + static_cast<std::ptrdiff_t>(over));
  by_time.resize(over);
  for (const auto& [expires, key] : by_time) entries_.erase(key);
}

Result<void> SieveMemory::append(const std::string& lines) {
  TRY(auto file, open_file(path_, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC));
  TRY_DO(write_all(file.number(), ends_in_line_ ? lines : "\n" + lines, path_));
  return sync_file(file.number(), path_);
}

Result<void> SieveMemory::rewrite() {
  std::string text;
  for (const auto& [key, entry] : entries_) text += line(key, entry);
  TRY_DO(replace_file(path_, path_ + ".tmp", text));
  return sync_directory(directory_of(path_));
}

}  // namespace pennypost::store
