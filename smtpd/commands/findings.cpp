#include "smtpd/commands/findings.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/json_text.h"

namespace pennypost::smtp {
namespace {

constexpr std::array<std::string_view, 4> level_names{"good", "note", "warning", "problem"};
constexpr std::array worst_first{Level::Problem, Level::Warning, Level::Note, Level::Good};

}  // namespace

std::string_view name_of(Level level) { return level_names[static_cast<std::size_t>(level)]; }

std::string findings_text(const Findings& findings, bool shows_good) {
  std::string text;
  for (Level level : worst_first) {
    if (level == Level::Good && !shows_good) continue;
    for (const auto& finding : findings) {
      if (finding.level != level) continue;
      text += std::string(name_of(level)) + ": " + finding.area + ": " + finding.what + "\n";
      if (!finding.why.empty()) text += "  why: " + finding.why + "\n";
      if (!finding.remedy.empty()) text += "  do:  " + finding.remedy + "\n";
    }
  }
  return text;
}

std::string findings_json(const Findings& findings) {
  std::string text;
  for (const auto& finding : findings) {
    text += "{\"level\": " + json_string(name_of(finding.level)) +
            ", \"area\": " + json_string(finding.area) +
            ", \"what\": " + json_string(finding.what) + ", \"why\": " + json_string(finding.why) +
            ", \"remedy\": " + json_string(finding.remedy) + "}\n";
  }
  return text;
}

Level worst_of(const Findings& findings) {
  Level worst = Level::Good;
  for (const auto& finding : findings) worst = std::max(worst, finding.level);
  return worst;
}

}  // namespace pennypost::smtp
