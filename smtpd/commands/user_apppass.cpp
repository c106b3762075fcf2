#include "smtpd/commands/user_apppass.h"

#include <ctime>
#include <ostream>
#include <vector>

#include "common/base/json_text.h"
#include "common/base/text.h"
#include "smtpd/commands/local_time.h"
#include "smtpd/commands/usage.h"
#include "store/accounts/app_password.h"
#include "store/login/app_password_uses.h"
#include "store/login/throttle_file.h"

namespace pennypost::smtp {
namespace {

constexpr std::int64_t day_seconds = 86'400;
constexpr std::uint64_t days_max = 36'500;

/// The end of a day, or so many days from now; 0 for never.
Result<std::int64_t> end_of(const std::string& text) {
  if (text.empty()) return std::int64_t{0};
  std::tm day{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &day);
  if (end != nullptr && *end == '\0') {
    day.tm_isdst = -1;
    ++day.tm_mday;
    auto over = static_cast<std::int64_t>(std::mktime(&day));
    if (over > std::time(nullptr)) return over;
    return Error::permanent("--expires " + printable(text, 40) + ": that day is over");
  }
  auto days = parse_number(std::string_view(text).substr(0, text.size() - 1));
  if (text.back() != 'd' || !days || *days == 0 || *days > days_max) {
    return Error::permanent("--expires " + printable(text, 40) +
                            ": expected a day such as 2027-01-31, or 90d");
  }
  return std::time(nullptr) + static_cast<std::int64_t>(*days) * day_seconds;
}

Result<void> add(const store::OwnUsers& users, const std::string& user, const std::string& name,
                 const AppPassOptions& options, std::ostream& out) {
  std::vector<std::string> scopes;
  for (auto scope : words(options.scope, ",")) scopes.emplace_back(scope);
  TRY(auto expires, end_of(options.expires));
  TRY(auto made, store::make_app_password(name, std::move(scopes), expires));
  TRY(auto full, users.add_app_password(user, made.stored));
  if (options.as_json) {
    out << "{\"user\": " << json_string(full) << ", \"name\": " << json_string(name)
        << ", \"password\": " << json_string(made.password.reveal()) << "}\n";
    return {};
  }
  out << full << ": app password " << name << ", shown only now: " << made.password.reveal()
      << "\n";
  return {};
}

Result<void> del(const store::OwnUsers& users, const std::string& user, const std::string& name,
                 std::ostream& out) {
  TRY(auto full, users.remove_app_password(user, name));
  out << full << ": app password " << name << " removed\n";
  return {};
}

Result<void> list(const Config& config, const store::OwnUsers& users, const std::string& user,
                  bool as_json, std::ostream& out) {
  TRY(auto found, users.find(user));
  TRY(auto apps, users.app_passwords(user));
  TRY(auto uses, store::load_app_password_uses(store::throttle_directory(config)));
  std::vector<std::string> objects;
  for (const auto& app : apps) {
    auto use = uses.find({found.name, app.name});
    auto scope = app.scopes.empty() ? "all" : join(app.scopes, ",");
    if (as_json) {
      std::string object = "{\"name\": " + json_string(app.name) +
                           ", \"scope\": " + json_string(scope) +
                           ", \"expires\": " + std::to_string(app.expires);
      if (use != uses.end()) {
        object += ", \"last_used\": " + std::to_string(use->second.when) +
                  ", \"last_service\": " + json_string(use->second.service) +
                  ", \"last_client\": " + json_string(use->second.client);
      }
      objects.push_back(object + "}");
      continue;
    }
    out << app.name << "\t" << scope << "\t"
        << (app.expires == 0                  ? "never expires"
            : app.is_over(std::time(nullptr)) ? "expired " + local_time(app.expires)
                                              : "expires " + local_time(app.expires))
        << "\t";
    if (use == uses.end()) {
      out << "not used yet\n";
    } else {
      out << "last used " << local_time(use->second.when) << " (" << use->second.service << " from "
          << use->second.client << ")\n";
    }
  }
  if (as_json) out << "[" << join(objects, ", ") << "]\n";
  return {};
}

}  // namespace

Result<void> app_passwords(const std::shared_ptr<const Config>& config,
                           const store::OwnUsers& users, std::span<const std::string> words,
                           const AppPassOptions& options, std::ostream& out) {
  const bool is_add = words.size() == 3 && words[0] == "add";
  if (is_add) return add(users, words[1], words[2], options, out);
  const bool has_options = !options.scope.empty() || !options.expires.empty();
  if (!has_options && words.size() == 3 && words[0] == "del") {
    return del(users, words[1], words[2], out);
  }
  if (!has_options && words.size() == 2 && words[0] == "list") {
    return list(*config, users, words[1], options.as_json, out);
  }
  return Error::permanent(std::string(usage::user));
}

}  // namespace pennypost::smtp
