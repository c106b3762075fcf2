#include "imapd/grammar/sequence_set.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

Error bad_set() { return Error(501, "Invalid sequence set"); }

// nz-number or `*` (as 0); nothing if it is neither.
std::optional<std::uint32_t> parse_member(std::string_view text) {
  if (text == "*") return 0;
  if (text.empty() || text.size() > 10 || text.front() == '0') return std::nullopt;
  auto number = parse_number(text);
  if (!number || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

Result<SequenceSet> SequenceSet::parse(std::string_view text, std::size_t ranges_max) {
  SequenceSet set;
  if (text == "$") {
    set.saved_ = true;
    return set;
  }
  for (;;) {
    auto comma = text.find(',');
    auto piece = text.substr(0, comma);
    auto colon = piece.find(':');
    auto from = parse_member(piece.substr(0, colon));
    auto to = colon == std::string_view::npos ? from : parse_member(piece.substr(colon + 1));
    if (!from || !to) return bad_set();
    if (set.ranges_.size() == ranges_max) return Error(501, "Sequence set has too many ranges");
    set.ranges_.push_back({*from, *to});
    if (comma == std::string_view::npos) return set;
    text.remove_prefix(comma + 1);
  }
}

bool SequenceSet::has_star() const {
  return std::ranges::any_of(ranges_, [](Range r) { return r.from == star || r.to == star; });
}

std::uint32_t SequenceSet::largest_number() const {
  std::uint32_t largest = 0;
  for (auto range : ranges_) largest = std::max({largest, range.from, range.to});
  return largest;
}

std::vector<NumberRange> SequenceSet::resolve(std::uint32_t largest) const {
  std::vector<NumberRange> out;
  out.reserve(ranges_.size());
  for (auto [from, to] : ranges_) {
    if (from == star) from = largest;
    if (to == star) to = largest;
    if (from == 0 || to == 0) continue;
    // RFC 9051 section 9: the order of the two ends does not matter; `559:*` names `*` at least.
    out.push_back({std::min(from, to), std::max(from, to)});
  }
  return merged(std::move(out));
}

std::vector<NumberRange> merged(std::vector<NumberRange> ranges) {
  std::ranges::sort(ranges, {}, &NumberRange::first);
  std::size_t kept = 0;
  for (auto range : ranges) {
    if (kept > 0 &&
        (range.first <= ranges[kept - 1].last || range.first - 1 == ranges[kept - 1].last)) {
      ranges[kept - 1].last = std::max(ranges[kept - 1].last, range.last);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
  return ranges;
}

bool contains(const std::vector<NumberRange>& ranges, std::uint32_t number) {
  auto after = std::ranges::upper_bound(ranges, number, {}, &NumberRange::first);
  return after != ranges.begin() && number <= std::prev(after)->last;
}

std::uint64_t count(const std::vector<NumberRange>& ranges) {
  std::uint64_t total = 0;
  for (auto range : ranges) total += std::uint64_t{range.last} - range.first + 1;
  return total;
}

void RangeBuilder::add(std::uint32_t number) {
  if (!ranges_.empty() && ranges_.back().last + 1 == number) {
    ranges_.back().last = number;
  } else {
    ranges_.push_back({number, number});
  }
}

std::string to_text(const std::vector<NumberRange>& ranges) {
  std::string out;
  for (auto range : ranges) {
    if (!out.empty()) out += ',';
    out += std::to_string(range.first);
    if (range.last != range.first) out += ':' + std::to_string(range.last);
  }
  return out;
}

}  // namespace pennypost::imap
