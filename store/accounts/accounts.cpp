#include "store/accounts/accounts.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/log/log.h"
#include "common/mail/address.h"
#include "common/mail/idn.h"
#include "common/mail/unicode.h"
#include "store/mailbox/location.h"
#include "store/maps/server_table.h"

namespace pennypost::store {
namespace {

const std::optional<AccountRef> nobody;

struct LoginParts {
  std::string local;
  std::string domain;  // empty if there is none
};

LoginParts split_login(std::string_view login) {
  std::string name = folded_address(login);
  auto at = name.rfind('@');
  if (at == name.npos) return {name, ""};
  return {name.substr(0, at), name.substr(at + 1)};
}

/// `@example.org`, in the form used in own users' names.
std::string at_domain(std::string_view domain) { return folded_address("@" + std::string(domain)); }

// Whether a name is safe to use in %u and as a map key: no path, pattern or other notation in it.
bool is_plausible(std::string_view name) {
  return !name.empty() && name.size() <= account_name_bytes_max && name.front() != '.' &&
         std::ranges::none_of(name,
                              [](char c) { return is_control(c) || c == '/' || is_space(c); });
}

Result<void> place_mail(AccountRef& account, const std::string& setting) {
  LocationUser user;
  user.name = account.name;
  user.home = account.home;
  auto location = MailLocation::parse(setting, user);
  if (!location) return Error(451, "4.3.5", location.error().text());
  account.mail_location = location->text();
  return {};
}

}  // namespace

MapOptions of_own_table(MapOptions options) {
  options.absent_is_empty = true;
  return options;
}

MapOptions map_options(const Config& config, std::string component) {
  MapOptions options;
  options.check_interval = config.map_check_interval;
  options.server_tables = std::make_shared<ServerTables>();
  options.on_problem = [component = std::move(component)](const std::string& text) {
    log_warning(component, text);
  };
  return options;
}

std::shared_ptr<const SystemUsers> system_users_of(const Config& config) {
  if (config.system_auth_backend == "shadow") return SystemUsers::with_shadow();
  return SystemUsers::with_pam(config.auth_pam_service);
}

Result<Accounts> Accounts::open(std::shared_ptr<const Config> config,
                                std::shared_ptr<const SystemUsers> system,
                                const MapOptions& options) {
  auto quota = QuotaRules::parse(config->quota_rule);
  if (!quota) {
    return Error::permanent(config->where("quota_rule") + ": quota_rule: " + quota.error().text());
  }
  Accounts accounts;
  accounts.quota_rules_ = *std::move(quota);
  accounts.owner_uid_ = ::geteuid();
  accounts.owner_gid_ = ::getegid();
  if (!config->users_map.empty()) {
    TRY(accounts.users_, Map::open(config->users_map, of_own_table(options)));
    if (is_root()) {
      TRY(auto owner, system->find(config->virtual_mail_owner));
      if (!owner) {
        return Error::permanent("virtual_mail_owner: there is no user " +
                                config->virtual_mail_owner +
                                "; make it: useradd -r -d /nonexistent -s /usr/sbin/nologin " +
                                config->virtual_mail_owner);
      }
      accounts.owner_uid_ = owner->uid;
      accounts.owner_gid_ = owner->gid;
    }
  }
  accounts.config_ = std::move(config);
  accounts.system_ = std::move(system);
  return accounts;
}

Result<std::optional<AccountRef>> Accounts::by_login(std::string_view login) const {
  if (!is_plausible(login)) return nobody;
  auto [local, domain] = split_login(login);
  if (local.empty()) return nobody;
  TRY(auto own, own_user(local + at_domain(domain.empty() ? config_->auth_realm : domain)));
  if (own) return own;
  if (!domain.empty() && !is_domain_of_system_users(domain)) return nobody;
  return system_user(local);
}

Result<std::optional<AccountRef>> Accounts::by_address(std::string_view local_part,
                                                       std::string_view domain) const {
  if (!is_plausible(local_part)) return nobody;
  TRY(auto own, own_by_address(local_part, domain));
  if (own) return own;
  if (!config_->system_users) return nobody;
  std::string local = unicode_lower(local_part);
  auto [user, detail] = split_sub_address(local, config_->recipient_delimiter);
  for (const std::string& name : {local, user}) {
    TRY(auto identity, system_->find(name));
    if (identity && identity->uid == 0) {
      return Error(450, "4.2.1",
                   "mail for " + name + " waits: root has no mailbox; add to /etc/aliases \"" +
                       name + ": NAME\" and run newaliases");
    }
    if (identity) return system_user(name);
    if (!detail) break;
  }
  return nobody;
}

Result<std::optional<AccountRef>> Accounts::own_by_address(std::string_view local_part,
                                                           std::string_view domain) const {
  if (!is_plausible(local_part)) return nobody;
  std::string local = unicode_lower(local_part);
  std::string at_its_domain = at_domain(domain.empty() ? config_->auth_realm : domain);
  auto [user, detail] = split_sub_address(local, config_->recipient_delimiter);
  TRY(auto own, own_user(local + at_its_domain));
  if (own || !detail) return own;
  return own_user(user + at_its_domain);
}

Result<std::optional<AccountRef>> Accounts::by_name(std::string_view name) const {
  if (!is_plausible(name) || name.front() == '@') return nobody;  // that is a domain's entry
  if (name.find('@') != name.npos) return own_user(folded_address(name));
  return system_user(std::string(name));
}

Result<std::optional<AccountRef>> Accounts::own_user(const std::string& name) const {
  if (users_ == nullptr) return nobody;
  TRY(auto entry, users_->lookup(name));
  if (!entry) return nobody;
  TRY(auto fields, fields_of(name, *entry));
  auto at = name.rfind('@');
  const std::string domain = name.substr(at);
  TRY(auto domain_entry, users_->lookup(domain));
  if (domain_entry) {
    TRY(auto for_all, fields_of(domain, *domain_entry));
    fields.complete_by(for_all);
  }
  AccountRef account;
  account.name = name;
  account.uid = owner_uid_;
  account.gid = owner_gid_;
  account.home = !fields.home.empty() ? fields.home
                                      : config_->virtual_mailbox_base + "/" + name.substr(at + 1) +
                                            "/" + name.substr(0, at);
  auto rules = quota_rules_;
  TRY(auto own_rules, QuotaRules::parse(fields.quota_rule));
  rules.replace_by(own_rules);
  account.quota = rules.text();
  account.imap_capability = fields.imap_capability;
  account.acl_groups = fields.acl_groups;
  account.allow_nets = fields.allow_nets;
  account.is_admin = fields.is_admin();
  account.is_disabled = fields.is_disabled();
  TRY_DO(place_mail(account, fields.mail.empty() ? config_->virtual_mail_location : fields.mail));
  return std::optional(std::move(account));
}

Result<OwnUserFields> Accounts::fields_of(const std::string& key, const std::string& entry) const {
  auto fields = OwnUserFields::parse(entry);
  if (fields) return fields;
  return Error(451, "4.3.5", users_->name() + ": " + key + ": " + fields.error().text());
}

Result<std::optional<AccountRef>> Accounts::system_user(const std::string& name) const {
  if (!config_->system_users) return nobody;
  TRY(auto identity, system_->find(name));
  if (!identity || !may_own_mail(*identity)) return nobody;
  AccountRef account;
  account.name = identity->name;
  account.is_system = true;
  account.uid = identity->uid;
  account.gid = identity->gid;
  account.home = identity->home;
  TRY_DO(place_mail(account, config_->mail_location));
  return std::optional(std::move(account));
}

bool Accounts::may_own_mail(const Identity& identity) const {
  auto uid = identity.uid;
  return uid != 0 && uid >= config_->first_valid_uid && config_->last_valid_uid.allows(uid) &&
         system_->has_home(identity);
}

bool Accounts::is_domain_of_system_users(std::string_view domain) const {
  return std::ranges::any_of(config_->mydestination, [&](const std::string& own) {
    return !TableRef::is_table(own) && at_domain(own) == at_domain(domain);
  });
}

}  // namespace pennypost::store
