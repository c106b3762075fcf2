#include "store/index/history.h"

#include <algorithm>
#include <utility>

#include "store/index/encoding.h"

namespace pennypost::store {
namespace {

using UidRange = std::pair<Uid, Uid>;

constexpr std::size_t range_bytes = 8;
constexpr std::size_t key_bytes = 17;
// A damaged record could name all UIDs there are; no folder has had so many messages at a time.
constexpr std::uint32_t range_uids_max = 1 << 24;

std::string key_of(std::uint64_t folder_id, std::uint64_t modseq) {
  auto key = history_prefix(folder_id);
  put_number(key, modseq);
  return key;
}

constexpr std::size_t bytes_of(std::size_t value_bytes) { return key_bytes + value_bytes; }

std::string value_of(std::span<const Uid> uids) {
  std::vector<UidRange> ranges;
  for (auto uid : uids) {
    if (!ranges.empty() && ranges.back().second.value() + 1 == uid.value()) {
      ranges.back().second = uid;
    } else {
      ranges.emplace_back(uid, uid);
    }
  }
  std::string value;
  value.reserve(ranges.size() * range_bytes);
  for (auto [first, last] : ranges) {
    put_number(value, first.value());
    put_number(value, last.value());
  }
  return value;
}

void append_uids(std::string_view value, std::vector<Uid>& uids) {
  while (!value.empty()) {
    auto first = take_number<std::uint32_t>(value);
    auto last = take_number<std::uint32_t>(value);
    bool is_sound = first != 0 && first <= last && last - first < range_uids_max;
    for (auto uid = first; is_sound && uid <= last; ++uid) uids.emplace_back(uid);
  }
}

void shorten(const Database& database, Batch& batch, std::uint64_t folder_id, History& history) {
  auto prefix = history_prefix(folder_id);
  std::size_t taken = 0;
  auto last = history.begin;
  std::vector<Uid> older;
  auto entry = database.scan(prefix);
  for (; entry.valid() && taken < history_bytes_max / 2; entry.next()) {
    auto rest = entry.key().substr(prefix.size());
    last = take_number<std::uint64_t>(rest);
    append_uids(entry.value(), older);
    taken += bytes_of(entry.value().size());
  }
  std::ranges::sort(older);
  auto joined = value_of(older);
  batch.erase_range(prefix, key_of(folder_id, last + 1));
  history.bytes -= static_cast<std::uint32_t>(std::min<std::size_t>(taken, history.bytes));
  if (bytes_of(joined.size()) > history_bytes_max / 4) {
    history.begin = last;
    return;
  }
  batch.put(key_of(folder_id, last), joined);
  history.bytes += static_cast<std::uint32_t>(bytes_of(joined.size()));
}

}  // namespace

std::string history_prefix(std::uint64_t folder_id) {
  std::string key = "x";
  put_number(key, folder_id);
  return key;
}

void add_history(const Database& database, Batch& batch, std::uint64_t folder_id, History& history,
                 std::uint64_t modseq, std::span<const Uid> gone) {
  auto value = value_of(gone);
  auto bytes = bytes_of(value.size());
  if (bytes > history_bytes_max / 2) {
    batch.erase_prefix(history_prefix(folder_id));
    history = {.begin = modseq, .bytes = 0};
    return;
  }
  if (history.bytes + bytes > history_bytes_max) shorten(database, batch, folder_id, history);
  batch.put(key_of(folder_id, modseq), value);
  history.bytes += static_cast<std::uint32_t>(bytes);
}

Result<std::vector<Uid>> read_history(const Database& database, std::uint64_t folder_id,
                                      std::uint64_t since) {
  std::vector<Uid> gone;
  auto end = prefix_end(history_prefix(folder_id));
  auto entry = database.scan_range(key_of(folder_id, since + 1), end);
  for (; entry.valid(); entry.next()) append_uids(entry.value(), gone);
  TRY_DO(entry.status());
  std::ranges::sort(gone);
  return gone;
}

}  // namespace pennypost::store
