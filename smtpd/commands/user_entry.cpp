#include "smtpd/commands/user_entry.h"

#include <ostream>
#include <vector>

#include "common/base/json_text.h"
#include "common/base/text.h"
#include "smtpd/commands/user_block.h"
#include "store/accounts/accounts.h"
#include "store/accounts/blocked_users.h"

namespace pennypost::smtp {
namespace {

using Lines = std::vector<std::pair<std::string, std::string>>;

void print(const Lines& lines, bool as_json, std::ostream& out) {
  if (!as_json) {
    for (const auto& [name, value] : lines) out << name << "\t" << value << "\n";
    return;
  }
  std::vector<std::string> members;
  for (const auto& [name, value] : lines) {
    members.push_back(json_string(name) + ": " + json_string(value));
  }
  out << "{" << join(members, ", ") << "}\n";
}

Result<store::AccountRef> account_named(const std::shared_ptr<const Config>& config,
                                        const std::string& full) {
  TRY(auto accounts, store::Accounts::open(config, store::system_users_of(*config)));
  TRY(auto account, accounts.by_name(full));
  if (account) return *std::move(account);
  return Error(550, "there is no user " + printable(full, 100));
}

/// The entry's fields in the order of the entry; in force are also the domain's and the host's.
Result<Lines> lines_of_user(const std::shared_ptr<const Config>& config,
                            const store::OwnUser& user) {
  TRY(auto account, account_named(config, user.name));
  Lines lines{{"user", user.name}, {"home", account.home}, {"mail", account.mail_location}};
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) lines.emplace_back(name, value);
  };
  add("quota_rule", account.quota);
  add("imap_capability", account.imap_capability);
  add("acl_groups", account.acl_groups);
  add("allow_nets", account.allow_nets);
  add("admin", account.is_admin ? "yes" : "");
  add("disabled", account.is_disabled ? "yes" : "");
  add("comment", user.fields.comment);
  TRY(auto blocked, store::BlockedUsers::open(*config, {}));
  TRY(auto block, blocked.find(user.name));
  if (block) add("blocked", shown_block(*block));
  return lines;
}

}  // namespace

Result<void> show_user(const std::shared_ptr<const Config>& config, const store::OwnUsers& users,
                       const std::string& name, bool as_json, std::ostream& out) {
  TRY(auto user, users.find(name));
  if (!user.name.starts_with('@')) {
    TRY(auto lines, lines_of_user(config, user));
    print(lines, as_json, out);
    return {};
  }
  Lines lines{{"domain", user.name.substr(1)}};
  for (const auto& [field, value] : user.fields.all()) lines.emplace_back(field, value);
  print(lines, as_json, out);
  return {};
}

Result<void> set_fields(const store::OwnUsers& users, const std::string& name,
                        std::span<const std::string> assignments, std::ostream& out) {
  store::FieldChanges changes;
  for (const auto& assignment : assignments) {
    auto equals = assignment.find('=');
    if (equals == std::string::npos) {
      return Error::permanent(printable(assignment, 100) + ": expected FIELD=VALUE");
    }
    changes.emplace_back(assignment.substr(0, equals), assignment.substr(equals + 1));
  }
  TRY(auto full, users.change_fields(name, changes));
  out << full << " changed\n";
  return {};
}

Result<void> set_quota(const std::shared_ptr<const Config>& config, const store::OwnUsers& users,
                       const std::string& name, std::span<const std::string> rules,
                       std::ostream& out) {
  if (!rules.empty()) {
    auto text = join(std::vector<std::string>(rules.begin(), rules.end()), " ");
    if (text == "none") text.clear();
    TRY(auto full, users.change_fields(name, {{"quota_rule", text}}));
    out << full << ": quota changed\n";
    return {};
  }
  TRY(auto user, users.find(name));
  std::string quota = user.fields.quota_rule;
  if (!user.name.starts_with('@')) {
    TRY(auto account, account_named(config, user.name));
    quota = account.quota;
  }
  out << user.name << "\t" << (quota.empty() ? "none" : quota) << "\n";
  return {};
}

}  // namespace pennypost::smtp
