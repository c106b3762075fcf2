#include "smtpd/commands/text_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
  Lines lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

/// Takes the lines away that both have at the end, then at the beginning.
void drop_common_ends(Lines& before, Lines& after) {
  while (!before.empty() && !after.empty() && before.back() == after.back()) {
    before.pop_back();
    after.pop_back();
  }
  auto [first, second] = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  before.erase(before.begin(), first);
  after.erase(after.begin(), second);
}

/// For each pair of positions, the length of the longest common subsequence of what follows.
std::vector<std::vector<std::uint16_t>> common_lengths(const Lines& before, const Lines& after) {
  std::vector<std::vector<std::uint16_t>> lengths(before.size() + 1,
                                                  std::vector<std::uint16_t>(after.size() + 1, 0));
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      lengths[i][j] = before[i] == after[j] ? static_cast<std::uint16_t>(lengths[i + 1][j + 1] + 1)
                                            : std::max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

}  // namespace

std::string text_diff(std::string_view before_text, std::string_view after_text) {
  Lines before = lines_of(before_text);
  Lines after = lines_of(after_text);
  drop_common_ends(before, after);
  std::string result;
  auto gone = [&](std::string_view line) { result.append("- ").append(line) += '\n'; };
  auto come = [&](std::string_view line) { result.append("+ ").append(line) += '\n'; };
  std::size_t i = 0;
  std::size_t j = 0;
  if (before.size() <= diff_lines_max && after.size() <= diff_lines_max) {
    auto lengths = common_lengths(before, after);
    while (i < before.size() && j < after.size()) {
      if (before[i] == after[j]) {
        ++i;
        ++j;
      } else if (lengths[i + 1][j] >= lengths[i][j + 1]) {
        gone(before[i++]);
      } else {
        come(after[j++]);
      }
    }
  }
  while (i < before.size()) gone(before[i++]);
  while (j < after.size()) come(after[j++]);
  return result;
}

}  // namespace pennypost::smtp
