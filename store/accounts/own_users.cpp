#include "store/accounts/own_users.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/mail/address.h"
#include "common/mail/idn.h"
#include "common/mail/unicode.h"
#include "store/accounts/kept_table.h"

namespace pennypost::store {
namespace {

bool may_stand_in_name(char c) {
  return is_alnum(c) || std::string_view("._-+=&~").find(c) != std::string_view::npos;
}

Error no_such_user(const std::string& name) { return Error(550, "there is no user " + name); }

}  // namespace

// Both maps' locks, always in this order, and both sources.
struct OwnUsers::Change {
  BuildLock users_lock;
  BuildLock credentials_lock;
  SourceText users;
  SourceText credentials;
};

Result<OwnUsers> OwnUsers::open(std::shared_ptr<const Config> config) {
  OwnUsers users;
  for (const auto* table : {&config->users_map, &config->credentials_map}) {
    if (table->type != "hash") {
      return Error::permanent(
          "users_map and credentials_map must be hash: tables to be changed here, "
          "not " +
          (table->empty() ? "empty" : table->text()));
    }
  }
  users.users_ = config->users_map.name;
  users.credentials_ = config->credentials_map.name;
  // If system users may log in, auth runs as root, and nobody else needs to read the credentials.
  if (is_root() && !config->system_users) {
    TRY(auto owner, Identity::of_user(config->auth_user, "auth_user"));
    users.secret_owner_ = owner.uid;
    users.secret_group_ = owner.gid;
  }
  users.config_ = std::move(config);
  return users;
}

Result<std::string> OwnUsers::full_name(std::string_view name) const {
  std::string full(name);
  if (full.find('@') == full.npos) full += "@" + config_->auth_realm;
  TRY(auto address, MailAddress::parse(full, Utf8::Allowed));
  if (address.is_null() || !address.domain() || address.domain()->is_literal()) {
    return Error::permanent(printable(full, 100) + " is not an address in a domain");
  }
  if (!is_words(address.local())) {
    return Error::permanent(
        "a user's name may contain letters and digits, but no invisible characters");
  }
  for (char c : address.local()) {
    bool is_delimiter = config_->recipient_delimiter.find(c) != std::string::npos;
    if ((is_ascii(c) && !may_stand_in_name(c)) || is_delimiter) {
      return Error::permanent(std::string("a user's name may not contain ") +
                              printable(std::string(1, c)) +
                              (is_delimiter ? " (it is in recipient_delimiter)" : ""));
    }
  }
  if (address.local().starts_with('.'))
    return Error::permanent("a user's name may not begin with a dot");
  return unicode_lower(address.local()) + "@" + address.domain()->key();
}

Result<std::string> OwnUsers::add(std::string_view name, const StoredCredentials& credentials,
                                  const OwnUserFields& fields) const {
  TRY(auto full, full_name(name));
  TRY(auto change, begin());
  if (change.users.has(full)) return Error(550, "the user " + full + " exists already");
  auto entry = fields;
  if (entry.home.empty()) entry.home = usual_home(full);
  TRY_DO(OwnUserFields::parse(entry.text()));
  change.users.put(full, entry.text());
  change.credentials.put(full, credentials.text());
  TRY_DO(commit_credentials(change));
  TRY_DO(commit_users(change));
  return full;
}

Result<std::string> OwnUsers::change_password(std::string_view name,
                                              const StoredCredentials& credentials) const {
  TRY(auto full, full_name(name));
  TRY(auto change, begin());
  if (!change.users.has(full)) return no_such_user(full);
  auto fresh = credentials;
  if (auto value = change.credentials.value(full)) {
    auto old = StoredCredentials::parse(*value);
    if (old && fresh.apps.empty()) fresh.apps = std::move(old->apps);
  }
  change.credentials.put(full, fresh.text());
  TRY_DO(commit_credentials(change));
  return full;
}

Result<std::vector<OwnUsers::Renewed>> OwnUsers::renew(
    const std::vector<UsedPassword>& used) const {
  struct Fresh {
    Renewed what;
    std::string old_entry;
    std::string entry;
  };
  std::vector<Fresh> all;
  // Nobody waits at the lock for the hashes; so an entry that has changed meanwhile stays.
  TRY(auto credentials, SourceText::read(credentials_));
  for (const auto& one : used) {
    auto value = credentials.value(one.name);
    auto old = value ? StoredCredentials::parse(*value) : Error::permanent("no entry");
    if (!old) continue;
    TRY(auto fresh, old->renewed(one.password));
    if (fresh) all.push_back({{one.name, old->scheme()}, *value, fresh->text()});
  }
  std::vector<Renewed> renewed;
  if (all.empty()) return renewed;
  TRY(auto change, begin());
  for (auto& one : all) {
    const auto& name = one.what.name;
    if (!change.users.has(name) || change.credentials.value(name) != one.old_entry) continue;
    change.credentials.put(name, one.entry);
    renewed.push_back(std::move(one.what));
  }
  if (!renewed.empty()) {
    TRY_DO(commit_credentials(change));
  }
  return renewed;
}

Result<std::string> OwnUsers::add_app_password(std::string_view name,
                                               const AppPassword& app) const {
  TRY(auto full, full_name(name));
  TRY(auto change, begin());
  if (!change.users.has(full)) return no_such_user(full);
  StoredCredentials known;
  if (auto value = change.credentials.value(full)) {
    TRY(known, StoredCredentials::parse(*value));
  }
  if (std::ranges::find(known.apps, app.name, &AppPassword::name) != known.apps.end()) {
    return Error(550, full + " has an app password " + app.name + " already");
  }
  if (known.apps.size() >= config_->app_passwords_per_user_max) {
    return Error(550, full + " has " + std::to_string(known.apps.size()) +
                          " app passwords (app_passwords_per_user_max)");
  }
  known.apps.push_back(app);
  change.credentials.put(full, known.text());
  TRY_DO(commit_credentials(change));
  return full;
}

Result<std::string> OwnUsers::remove_app_password(std::string_view name,
                                                  std::string_view app_name) const {
  TRY(auto full, full_name(name));
  TRY(auto change, begin());
  if (!change.users.has(full)) return no_such_user(full);
  StoredCredentials known;
  if (auto value = change.credentials.value(full)) {
    TRY(known, StoredCredentials::parse(*value));
  }
  if (std::erase_if(known.apps, [&](const auto& app) { return app.name == app_name; }) == 0) {
    return Error(550, full + " has no app password " + printable(app_name, 40));
  }
  if (known.text().empty()) {
    change.credentials.erase(full);
  } else {
    change.credentials.put(full, known.text());
  }
  TRY_DO(commit_credentials(change));
  return full;
}

Result<std::vector<AppPassword>> OwnUsers::app_passwords(std::string_view name) const {
  TRY(auto user, find(name));
  TRY(auto credentials, SourceText::read(credentials_));
  auto value = credentials.value(user.name);
  if (!value) return std::vector<AppPassword>();
  TRY(auto known, StoredCredentials::parse(*value));
  return std::move(known.apps);
}

/// The key of a user's or a domain's entry.
Result<std::string> OwnUsers::entry_name(std::string_view name) const {
  if (!name.starts_with('@')) return full_name(name);
  TRY(auto domain, Domain::parse(name.substr(1), Utf8::Allowed));
  if (domain.is_literal()) {
    return Error::permanent(printable(name, 100) + " is not @ and a domain's name");
  }
  return "@" + domain.key();
}

Result<std::string> OwnUsers::change_fields(std::string_view name,
                                            const FieldChanges& changes) const {
  TRY(auto key, entry_name(name));
  const bool is_domain = key.starts_with('@');
  TRY(auto change, begin());
  auto value = change.users.value(key);
  if (!value && !is_domain) return no_such_user(key);
  TRY(auto fields, OwnUserFields::parse(value.value_or("")));
  for (const auto& [field, text] : changes) {
    TRY_DO(fields.set(field, text));
  }
  if (is_domain && !fields.suit_domain()) {
    return Error::permanent("a domain's entry has no home, mail, admin or comment");
  }
  if (fields.all().empty() && is_domain) {
    change.users.erase(key);
  } else {
    change.users.put(key, fields.text());
  }
  TRY_DO(commit_users(change));
  return key;
}

Result<OwnUser> OwnUsers::find(std::string_view name) const {
  TRY(auto key, entry_name(name));
  TRY(auto users, SourceText::read(users_));
  auto value = users.value(key);
  if (!value && !key.starts_with('@')) return no_such_user(key);
  TRY(auto fields, OwnUserFields::parse(value.value_or("")));
  return OwnUser{std::move(key), std::move(fields)};
}

Result<OwnUser> OwnUsers::remove(std::string_view name) const {
  TRY(auto full, full_name(name));
  TRY(auto change, begin());
  auto value = change.users.value(full);
  if (!value && change.credentials.has(full)) {  // what an interrupted change has left
    change.credentials.erase(full);
    TRY_DO(commit_credentials(change));
  }
  if (!value) return no_such_user(full);
  OwnUser gone{full, {}};
  if (auto fields = OwnUserFields::parse(*value)) gone.fields = *fields;
  change.users.erase(full);
  change.credentials.erase(full);
  TRY_DO(commit_users(change));
  TRY_DO(commit_credentials(change));
  return gone;
}

Result<void> OwnUsers::rename(const std::string& old_name, const std::string& new_name,
                              const OwnUserFields& fields) const {
  TRY(auto change, begin());
  const bool is_done = !change.users.has(old_name) && change.users.has(new_name);
  if (!is_done) {
    if (!change.users.has(old_name)) return no_such_user(old_name);
    if (change.users.has(new_name)) {
      return Error(550, "the user " + new_name + " exists already");
    }
    // The password first: a user without one could not log in.
    if (auto password = change.credentials.value(old_name)) {
      change.credentials.put(new_name, *password);
      TRY_DO(commit_credentials(change));
    }
    change.users.erase(old_name);
    change.users.put(new_name, fields.text());
    TRY_DO(commit_users(change));
  }
  if (!change.credentials.has(old_name)) return {};
  change.credentials.erase(old_name);
  return commit_credentials(change);
}

std::string OwnUsers::usual_home(const std::string& full_name) const {
  auto at = full_name.rfind('@');
  return config_->virtual_mailbox_base + "/" + full_name.substr(at + 1) + "/" +
         full_name.substr(0, at);
}

Result<std::vector<OwnUser>> OwnUsers::list() const {
  std::vector<OwnUser> users;
  if (::access(users_.c_str(), F_OK) != 0 && errno == ENOENT) return users;
  TRY(auto text, read_source(users_));
  TRY(auto entries, parse_source(text, SourceSyntax::Table, users_));
  for (auto& entry : entries) {
    if (entry.key.starts_with('@')) continue;
    auto fields = OwnUserFields::parse(entry.value);
    if (!fields) return source_error(users_, entry.line, fields.error().text());
    users.push_back({folded_address(entry.key), std::move(*fields)});
  }
  std::ranges::sort(users, {}, &OwnUser::name);
  return users;
}

Result<OwnUsers::Change> OwnUsers::begin() const {
  TRY(auto users_lock, lock_kept_table(users_));
  TRY(auto credentials_lock, lock_kept_table(credentials_));
  TRY(auto users, SourceText::read(users_));
  TRY(auto credentials, SourceText::read(credentials_));
  // Whoever was interrupted may have left a new source with a table of the old one.
  if (is_table_stale(users_)) {
    TRY_DO(build_kept_table(users_lock, users_));
  }
  if (is_table_stale(credentials_)) {
    TRY_DO(build_kept_table(credentials_lock, credentials_));
  }
  return Change{std::move(users_lock), std::move(credentials_lock), std::move(users),
                std::move(credentials)};
}

Result<void> OwnUsers::commit_users(const Change& change) const {
  TRY_DO(write_source(users_, change.users.text()));
  return build_kept_table(change.users_lock, users_);
}

Result<void> OwnUsers::commit_credentials(const Change& change) const {
  SourceReaders readers{true, secret_owner_, secret_group_};
  TRY_DO(write_source(credentials_, change.credentials.text(), readers));
  return build_kept_table(change.credentials_lock, credentials_);
}

}  // namespace pennypost::store
