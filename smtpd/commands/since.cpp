#include "smtpd/commands/since.h"

#include <ctime>
#include <map>
#include <string_view>

#include "common/base/text.h"

namespace pennypost::smtp {

std::optional<std::int64_t> time_before_now(const std::string& text) {
  if (text.size() < 2) return {};
  std::tm day{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &day);
  if (end != nullptr && *end == '\0') {
    day.tm_isdst = -1;
    return std::mktime(&day);
  }
  auto number = parse_number(std::string_view(text).substr(0, text.size() - 1));
  const std::map<char, std::int64_t> units{{'m', 60}, {'h', 3600}, {'d', 86'400}};
  auto unit = units.find(text.back());
  if (!number || unit == units.end() || *number > 100'000) return {};
  return std::time(nullptr) - static_cast<std::int64_t>(*number) * unit->second;
}

}  // namespace pennypost::smtp
