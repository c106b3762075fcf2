#include "smtpd/migration/postfix.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/parameter.h"

namespace pennypost::smtp {
namespace {

constexpr int expansions_max = 20;
constexpr std::size_t expanded_bytes_max = 64 << 10;  // what is longer stays as it is written

// Names that Postfix sets itself and that are not settings here, or mean other places here.
struct BuiltIn {
  std::string_view name;
  std::string_view value;
};
constexpr std::array built_in{
    BuiltIn{"command_directory", "/usr/sbin"},
    BuiltIn{"daemon_directory", "/usr/lib/postfix/sbin"},
    BuiltIn{"data_directory", "/var/lib/postfix"},
    BuiltIn{"default_database_type", "hash"},
    BuiltIn{"mail_owner", "postfix"},
    BuiltIn{"queue_directory", "/var/spool/postfix"},
};

// The name after `$` and how long it is as it stands: `name`, `{name}` or `(name)`.
std::pair<std::string_view, std::size_t> name_after_dollar(std::string_view text) {
  if (text.starts_with('{') || text.starts_with('(')) {
    auto end = text.find(text.front() == '{' ? '}' : ')');
    if (end == text.npos) return {{}, 0};
    return {text.substr(1, end - 1), end + 1};
  }
  std::size_t bytes = 0;
  while (bytes < text.size() && (is_alnum(text[bytes]) || text[bytes] == '_')) ++bytes;
  return {text.substr(0, bytes), bytes};
}

std::string expanded_once(const PostfixSite& site, std::string_view value, bool& is_changed) {
  std::string out;
  while (!value.empty()) {
    auto dollar = std::min(value.find('$'), value.size());
    out += value.substr(0, dollar);
    value.remove_prefix(dollar);
    if (value.empty()) break;
    auto [name, bytes] = name_after_dollar(value.substr(1));
    std::optional<std::string> found;
    for (const auto& row : built_in) {
      if (row.name == name) found = row.value;
    }
    if (name == "config_directory") found = site.directory;
    bool is_known_here = find_parameter(name).has_value() && !found;
    auto given = site.values.find(std::string(name));
    if (given != site.values.end() && !is_known_here) found = given->second;
    if (found && out.size() + found->size() + value.size() <= expanded_bytes_max) {
      is_changed = true;
      out += *found;
      value.remove_prefix(bytes + 1);
    } else {
      out += value.front();
      value.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::string PostfixSite::expanded(std::string_view value) const {
  std::string text(value);
  bool is_changed = true;
  for (int count = 0; is_changed && count < expansions_max; ++count) {
    is_changed = false;
    text = expanded_once(*this, text, is_changed);
  }
  return text;
}

std::vector<PostfixSetting> postfix_settings(std::string_view text) {
  std::vector<PostfixSetting> settings;
  std::size_t number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    auto bare = trim(line);
    if (bare.empty() || bare.starts_with('#')) continue;
    bool goes_on = line.front() == ' ' || line.front() == '\t';
    if (goes_on && !settings.empty()) {
      auto& value = settings.back().value;
      if (!value.empty()) value += ' ';
      value += bare;
      continue;
    }
    auto equals = bare.find('=');
    if (equals == bare.npos) continue;
    settings.push_back({std::string(trim(bare.substr(0, equals))),
                        std::string(trim(bare.substr(equals + 1))), number});
  }
  return settings;
}

Result<void> read_postfix(const std::string& main_cf, const ReadPath& read, Migration& migration) {
  TRY(auto text, read(main_cf));
  if (!text) return Error::permanent(main_cf + " does not exist; name Postfix's main.cf");
  auto slash = main_cf.rfind('/');
  PostfixSite site{
      main_cf, slash == main_cf.npos ? "." : main_cf.substr(0, slash), read, migration, {}};
  auto settings = postfix_settings(*text);
  for (const auto& setting : settings) site.values[setting.name] = setting.value;
  TRY_DO(read_postfix_settings(site, settings));
  TRY(auto services, read(site.directory + "/master.cf"));
  if (services) {
    TRY_DO(read_postfix_services(site, *services));
  }
  return {};
}

}  // namespace pennypost::smtp
