#include "common/config/peer_settings.h"

#include <algorithm>
#include <iterator>

namespace pennypost {
namespace {

constexpr PeerSetting rows[] = {
#define PEER_SETTING(pattern, treatment, remark) \
  PeerSetting{pattern, PeerSetting::Treatment::treatment, remark},
#include "common/config/peer_settings.def"
};

bool fits(std::string_view name, std::string_view pattern) {
  bool is_open_in_front = pattern.starts_with('*');
  bool is_open_behind = pattern.ends_with('*');
  if (is_open_in_front) pattern.remove_prefix(1);
  if (is_open_behind) pattern.remove_suffix(1);
  if (is_open_in_front && is_open_behind) return name.find(pattern) != name.npos;
  if (is_open_in_front) return name.ends_with(pattern);
  return is_open_behind ? name.starts_with(pattern) : name == pattern;
}

}  // namespace

std::optional<PeerSetting> find_peer_setting(std::string_view name) {
  auto found = std::ranges::find_if(
      rows, [name](const PeerSetting& row) { return fits(name, row.pattern); });
  if (found == std::end(rows)) return std::nullopt;
  return *found;
}

}  // namespace pennypost
