#include "common/config/milter_settings.h"

#include <array>

#include "common/base/text.h"
#include "common/config/parameter.h"

namespace pennypost {
namespace {

constexpr std::array<std::string_view, 5> option_names{
    "command_timeout", "connect_timeout", "content_timeout", "default_action", "protocol"};

/// The option's value, by the notation and the range of the setting of that name.
template <class Kind, class Value>
Result<void> take(const ServerRef& from, std::string_view option, Value& into) {
  auto given = from.options.find(option);
  if (given == from.options.end()) return {};
  auto index = find_parameter("milter_" + std::string(option));
  ASSERT(index.has_value());
  auto value = Kind::parse(given->second, parameters()[*index].range);
  if (!value) return Error::permanent(std::string(option) + ": " + value.error().text());
  into = *std::move(value);
  return {};
}

/// `6`, `2, no_header_reply`: exactly one version.
Result<void> read_protocol(const std::vector<std::string>& items, MilterSettings& into) {
  int versions = 0;
  for (const std::string& item : items) {
    if (item == "no_header_reply") {
      into.has_header_replies = false;
      continue;
    }
    ++versions;
    into.version = static_cast<unsigned>(parse_number(item).value_or(0));
  }
  if (versions == 1) return {};
  return Error::permanent("milter_protocol names no version, or several; write 6");
}

/// `{name}` is name.
std::string_view without_braces(std::string_view name) {
  bool is_braced = name.starts_with('{') && name.ends_with('}');
  return is_braced ? name.substr(1, name.size() - 2) : name;
}

/// Whether the brace at the front is closed at the end, and not before.
bool is_enclosed(std::string_view item) {
  if (!item.starts_with('{')) return false;
  int depth = 0;
  for (std::size_t i = 0; i < item.size(); ++i) {
    if (item[i] == '{') ++depth;
    if (item[i] == '}' && --depth == 0) return i + 1 == item.size();
  }
  return false;
}

}  // namespace

Result<MilterSettings> MilterSettings::parse(std::string_view text, const Settings& settings) {
  MilterSettings milter;
  TRY(milter.at, ServerRef::parse(text, option_names));
  milter.text = (milter.at.is_unix() ? "unix:" : "inet:") + milter.at.name();
  milter.command_timeout = settings.milter_command_timeout;
  milter.connect_timeout = settings.milter_connect_timeout;
  milter.content_timeout = settings.milter_content_timeout;
  milter.default_action = settings.milter_default_action;
  auto protocol = settings.milter_protocol;
  TRY_DO(take<kinds::Duration>(milter.at, "command_timeout", milter.command_timeout));
  TRY_DO(take<kinds::Duration>(milter.at, "connect_timeout", milter.connect_timeout));
  TRY_DO(take<kinds::Duration>(milter.at, "content_timeout", milter.content_timeout));
  TRY_DO(take<kinds::Choice>(milter.at, "default_action", milter.default_action));
  TRY_DO(take<kinds::List>(milter.at, "protocol", protocol));
  TRY_DO(read_protocol(protocol, milter));
  return milter;
}

Result<std::vector<MilterSettings>> MilterSettings::parse_list(
    const std::vector<std::string>& items, const Settings& settings) {
  std::vector<MilterSettings> milters;
  if (items.size() > milters_max) {
    return Error::permanent("there are more than " + std::to_string(milters_max) + " milters");
  }
  for (const std::string& item : items) {
    TRY(auto milter, parse(item, settings));
    milters.push_back(std::move(milter));
  }
  return milters;
}

Result<std::map<std::string, std::string, std::less<>>> parse_macro_defaults(
    const std::vector<std::string>& items) {
  std::map<std::string, std::string, std::less<>> defaults;
  for (std::string_view item : items) {
    const std::string_view given = item;
    // An item with blanks in it is in braces as a whole: { {name} = a value }.
    if (is_enclosed(item)) item = trim(without_braces(item));
    auto equals = item.find('=');
    auto name = without_braces(trim(item.substr(0, equals)));
    if (equals == item.npos || name.empty()) {
      return Error::permanent("\"" + printable(given, 100) + "\" is no name=value");
    }
    defaults[std::string(name)] = trim(item.substr(equals + 1));
  }
  return defaults;
}

}  // namespace pennypost
