#include "store/index/cached_values.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/metrics/figures.h"

namespace pennypost::store {
namespace {

constexpr std::size_t added_max = 500;
constexpr std::size_t added_bytes_max = 256 << 10;
constexpr std::size_t window_values_max = 256;
constexpr std::size_t window_bytes_max = 128 << 10;
// After so many look-ups in ascending order, more are likely to follow.
constexpr std::size_t in_order_min = 3;

}  // namespace

void CachedValues::name_folder(Index::Folder folder) {
  folder_ = std::move(folder);
  added_ = {};
  added_bytes_ = 0;
  greatest_added_ = Uid(0);
  windows_.clear();
}

std::optional<std::string> CachedValues::find(Uid uid, CacheItem item) {
  if (index_ == nullptr) return {};
  auto value = look_up(uid, item);
  metrics::count(metrics::Metric::index_lookups, value ? "hit" : "miss");
  return value;
}

std::optional<std::string> CachedValues::look_up(Uid uid, CacheItem item) {
  if (uid <= greatest_added_) {
    // The values added last are the likeliest to be asked for.
    auto added = std::find_if(added_.rbegin(), added_.rend(), [&](const Index::Value& value) {
      return value.uid == uid && value.item == item;
    });
    if (added != added_.rend()) return added->text;
  }
  auto& window = windows_[item];
  window.in_order = uid > window.asked ? window.in_order + 1 : 0;
  window.asked = uid;
  if (uid < window.first || window.last < uid) {
    if (window.in_order < in_order_min) return index_->cached(folder_, uid, item);
    window.values = index_->cached_from(folder_, item, uid, window_values_max, window_bytes_max);
    window.at = 0;
    window.first = uid;
    // If none were found, none follow either.
    window.last = window.values.empty() ? Uid(UINT32_MAX) : window.values.back().uid;
  }
  return window.find(uid);
}

std::optional<std::string> CachedValues::Window::find(Uid uid) {
  if (at < values.size() && values[at].uid > uid) at = 0;
  while (at < values.size() && values[at].uid < uid) ++at;
  if (at == values.size() || values[at].uid != uid) return {};
  return values[at].text;
}

void CachedValues::add(Uid uid, CacheItem item, std::string_view value) {
  if (index_ == nullptr) return;
  added_.push_back(Index::Value{uid, item, std::string(value)});
  added_bytes_ += value.size();
  greatest_added_ = std::max(greatest_added_, uid);
  if (added_.size() >= added_max || added_bytes_ >= added_bytes_max) write();
}

void CachedValues::flush() {
  write();
  windows_.clear();
}

void CachedValues::write() {
  if (added_.empty()) return;
  index_->cache(folder_, added_);
  added_ = {};
  added_bytes_ = 0;
  greatest_added_ = Uid(0);
  // The windows lack what was just written.
  for (auto& [item, window] : windows_) {
    window.first = Uid(1);
    window.last = Uid(0);
  }
}

std::optional<std::uint64_t> CachedValues::find_number(Uid uid, CacheItem item) {
  auto text = find(uid, item);
  return text ? parse_number(*text) : std::nullopt;
}

void CachedValues::add_number(Uid uid, CacheItem item, std::uint64_t number) {
  add(uid, item, std::to_string(number));
}

}  // namespace pennypost::store
