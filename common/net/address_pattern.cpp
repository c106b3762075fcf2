#include "common/net/address_pattern.h"

#include <algorithm>
#include <optional>
#include <string>

#include "common/base/text.h"

namespace pennypost {
namespace {

constexpr std::size_t spans_max = 256;  // of one part

Error wrong(std::string_view text) {
  return Error::permanent("\"" + printable(text, 100) +
                          "\" is no pattern of addresses; write 127.0.0.2 or 127.0.0.[2;4..6]");
}

std::optional<std::uint8_t> octet(std::string_view text) {
  auto number = parse_number(text);
  if (!number || *number > 255) return std::nullopt;
  return static_cast<std::uint8_t>(*number);
}

/// Splits at the dots that stand outside of brackets, where `..` is the mark of a range.
std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  bool is_inside = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') is_inside = true;
    if (text[i] == ']') is_inside = false;
    if (text[i] != '.' || is_inside) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

}  // namespace

Result<AddressPattern> AddressPattern::parse(std::string_view text) {
  auto parts = parts_of(text);
  AddressPattern pattern;
  if (parts.size() != pattern.parts_.size()) return wrong(text);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string_view part = parts[i];
    if (part.starts_with('[') != part.ends_with(']')) return wrong(text);
    if (part.starts_with('[')) part = part.substr(1, part.size() - 2);
    for (std::string_view item : split(part, ';')) {
      auto dots = item.find("..");
      auto first = octet(item.substr(0, dots));
      auto last = dots == item.npos ? first : octet(item.substr(dots + 2));
      bool is_good = first && last && *first <= *last && pattern.parts_[i].size() < spans_max;
      if (!is_good) return wrong(text);
      pattern.parts_[i].push_back({*first, *last});
    }
  }
  return pattern;
}

bool AddressPattern::matches(std::string_view address) const {
  auto numbers = split(address, '.');
  if (numbers.size() != parts_.size()) return false;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto number = octet(numbers[i]);
    if (!number) return false;
    bool is_in = std::ranges::any_of(
        parts_[i], [&](const Span& span) { return span.first <= *number && *number <= span.last; });
    if (!is_in) return false;
  }
  return true;
}

}  // namespace pennypost
