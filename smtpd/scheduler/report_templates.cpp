#include "smtpd/scheduler/report_templates.h"

#include <array>
#include <chrono>
#include <optional>

#include "common/base/file.h"

namespace pennypost::smtp {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t seconds;
};
constexpr std::array units{
    Unit{"_seconds", 1},  Unit{"_minutes", 60},   Unit{"_hours", 3600},
    Unit{"_days", 86400}, Unit{"_weeks", 604800},
};

/// How many seconds the unit of a time's name has; nothing if the name is none of a time's.
std::optional<std::int64_t> unit_of(std::string_view name) {
  for (std::string_view time : {"delay_warning_time", "maximal_queue_lifetime"}) {
    if (!name.starts_with(time)) continue;
    for (const auto& unit : units) {
      if (name.substr(time.size()) == unit.suffix) return unit.seconds;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<BounceTemplates> load_templates(const std::string& path) {
  if (path.empty()) return built_in_templates();
  TRY(auto bytes, read_file(path, bounce_templates_bytes_max));
  if (!bytes) return Error::permanent(path + ": no such file");
  return parse_bounce_templates(*bytes, path, [](std::string_view name) {
    return find_parameter(name).has_value() || unit_of(name).has_value();
  });
}

std::string report_value(const Config& config, std::string_view name) {
  if (auto seconds = unit_of(name)) {
    auto time =
        name.starts_with("delay") ? config.delay_warning_time : config.maximal_queue_lifetime;
    return std::to_string(time.count() / *seconds);
  }
  return find_parameter(name) ? config.text(name) : std::string();
}

}  // namespace pennypost::smtp
