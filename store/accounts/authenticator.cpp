#include "store/accounts/authenticator.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/mail/saslprep.h"

namespace pennypost::store {
namespace {

constexpr std::string_view scram_scheme = "{SCRAM-SHA-256}";
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t app_passwords_max = 100;  // the greatest app_passwords_per_user_max

bool is_plain(std::string_view form) {
  return starts_with_nocase(form, "{PLAIN}") || starts_with_nocase(form, "{CLEARTEXT}") ||
         starts_with_nocase(form, "{CLEAR}");
}

// The form in which a password is hashed. A password that SASLprep refuses stays as it is.
Secret prepared(const Secret& password) {
  auto form = saslprep(password.reveal());
  return form ? Secret(*std::move(form)) : password;
}

// Another program may have hashed the password without SASLprep.
bool has_other_form(const Secret& password) { return !is_ascii(password.reveal()); }

template <class Verify>
Result<bool> fits_either(const Verify& verify, const std::string& form, const Secret& password) {
  Result<bool> fits = verify(prepared(password), form);
  if (fits && !*fits && has_other_form(password)) fits = verify(password, form);
  return fits;
}

}  // namespace

Result<StoredCredentials> StoredCredentials::parse(std::string_view value) {
  StoredCredentials stored;
  auto rest = trim(value);
  while (!rest.empty()) {
    auto end = is_plain(rest) ? rest.end() : std::ranges::find_if(rest, is_space);
    auto form = std::string_view(rest.begin(), end);
    if (starts_with_nocase(form, scram_scheme)) {
      TRY(auto keys, ScramKeys::parse(form.substr(scram_scheme.size())));
      stored.scram = keys.text();
    } else if (starts_with_nocase(form, app_scheme)) {
      if (stored.apps.size() == app_passwords_max) {
        return Error::permanent("more than " + std::to_string(app_passwords_max) +
                                " app passwords");
      }
      TRY(auto app, AppPassword::parse(form.substr(app_scheme.size())));
      stored.apps.push_back(std::move(app));
    } else if (stored.password.empty()) {
      stored.password = form;
    }
    rest = trim(rest.substr(form.size()));
  }
  if (stored.password.empty() && stored.scram.empty() && stored.apps.empty()) {
    return Error::permanent("no password form; expected {SCHEME}…");
  }
  return stored;
}

Result<StoredCredentials> StoredCredentials::make(const Secret& password) {
  StoredCredentials stored;
  TRY(stored.password, hash_password(prepared(password)));
  stored.scram = ScramKeys::derive(prepared(password)).text();
  return stored;
}

std::string StoredCredentials::text() const {
  std::vector<std::string> forms;
  if (!scram.empty()) forms.push_back(std::string(scram_scheme) + scram);
  for (const auto& app : apps) forms.push_back(std::string(app_scheme) + app.text());
  // A password in the clear extends to the end of the line.
  if (!password.empty()) forms.insert(is_plain(password) ? forms.end() : forms.begin(), password);
  return join(forms, " ");
}

bool StoredCredentials::serves_scram() const {
  return apps.empty() && (!scram.empty() || is_plain(password));
}

bool StoredCredentials::is_outdated() const {
  return !password.empty() && (!is_argon2id(password) || scram.empty());
}

std::string StoredCredentials::scheme() const { return password.substr(0, password.find('}') + 1); }

Result<std::optional<StoredCredentials>> StoredCredentials::renewed(const Secret& right) const {
  std::optional<StoredCredentials> none;
  if (!is_outdated()) return none;
  TRY(bool fits, fits_either(verify_password, password, right));
  if (!fits) return none;
  TRY(auto fresh, make(right));
  fresh.apps = apps;
  return std::optional(std::move(fresh));
}

Result<Authenticator> Authenticator::open(std::shared_ptr<const Config> config,
                                          std::shared_ptr<const SystemUsers> system,
                                          std::string server_secret, const MapOptions& options,
                                          PasswordHashing hashing) {
  prepare_crypto();
  TRY(auto accounts, Accounts::open(config, system, options));
  Authenticator made(std::move(accounts));
  if (!config->credentials_map.empty()) {
    TRY(made.credentials_, Map::open(config->credentials_map, of_own_table(options)));
  }
  made.coverage_ = std::make_unique<ScramCoverage>(made.credentials_);
  made.remembered_ =
      std::make_unique<RememberedHashes>(config->auth_cache_size, config->auth_cache_ttl.count());
  made.clock_ = options.clock;
  made.config_ = std::move(config);
  made.system_ = std::move(system);
  made.server_secret_ = std::move(server_secret);
  made.hashing_ = std::move(hashing);
  return made;
}

Result<std::optional<StoredCredentials>> Authenticator::stored(const AccountRef& account) const {
  if (credentials_ == nullptr) return std::optional<StoredCredentials>();
  TRY(auto entry, credentials_->lookup(account.name));
  if (!entry) return std::optional<StoredCredentials>();
  auto parsed = StoredCredentials::parse(*entry);
  if (!parsed) {
    return Error::permanent(credentials_->name() + ": " + account.name + ": " +
                            parsed.error().text());
  }
  return std::optional(std::move(*parsed));
}

Result<std::optional<AccountRef>> Authenticator::verify(std::string_view login,
                                                        const Secret& password,
                                                        const std::string& client_address) const {
  TRY(auto found, match(login, password, {"", client_address}));
  if (!found) return std::optional<AccountRef>();
  return std::optional(std::move(found->account));
}

Result<std::optional<PasswordMatch>> Authenticator::match(std::string_view login,
                                                          const Secret& password,
                                                          const PasswordUse& use) const {
  std::optional<PasswordMatch> nobody;
  TRY(auto account, accounts_.by_login(login));
  if (account && account->is_system) {
    TRY(bool is_right, system_->verify(account->name, password, use.client_address));
    if (!is_right) return nobody;
    return std::optional(PasswordMatch{*std::move(account), ""});
  }
  if (!account) {
    TRY_DO(refuse_unknown(login, password, use.client_address));
    return nobody;
  }
  TRY(auto known, stored(*account));
  if (known && !use.service.empty()) {
    for (const auto& app : known->apps) {
      // One that is over or of another scope is a wrong password, and costs what that does.
      bool is_right =
          app.fits(password) && app.serves(use.service) && !app.is_over(clock_->now_seconds());
      if (is_right) return std::optional(PasswordMatch{*std::move(account), app.name});
    }
  }
  if (!known || (known->password.empty() && known->scram.empty())) {
    verify_nothing_as_own(password);
    return nobody;
  }
  std::string form =
      known->password.empty() ? std::string(scram_scheme) + known->scram : known->password;
  auto fits = fits_form(form, password);
  if (!fits) return Error::permanent(account->name + ": " + fits.error().text());
  if (!*fits) return nobody;
  return std::optional(PasswordMatch{*std::move(account), ""});
}

/// In the prepared form or, if another program has hashed it, as it was typed.
Result<bool> Authenticator::fits_form(const std::string& form, const Secret& password) const {
  const auto now = clock_->now_seconds();
  if (remembered_->knows(form, password, now)) return true;
  auto fits = fits_either(hashing_.verify, form, password);
  if (fits && *fits) remembered_->note(form, password, now);
  return fits;
}

Result<std::optional<std::string>> Authenticator::outdated_scheme(const AccountRef& account) const {
  std::optional<std::string> none;
  if (account.is_system) return none;
  TRY(auto known, stored(account));
  if (!known || !known->is_outdated()) return none;
  return std::optional(known->scheme());
}

Result<void> Authenticator::refuse_unknown(std::string_view login, const Secret& password,
                                           const std::string& client_address) const {
  bool is_bare = login.find('@') == login.npos;
  if (!is_bare || !config_->system_users) {
    verify_nothing_as_own(password);
    return {};
  }
  // The answer is ignored: PAM may well know a name that has no account here, such as root.
  TRY_DO(system_->verify(lower(login), password, client_address));
  return {};
}

void Authenticator::verify_nothing_as_own(const Secret& password) const {
  hashing_.verify_nothing(prepared(password));
  if (has_other_form(password)) hashing_.verify_nothing(password);
}

bool Authenticator::scram_serves_all() const {
  return !config_->system_users && coverage_->is_complete();
}

Result<std::optional<ScramKeys>> Authenticator::scram_keys(std::string_view login) const {
  std::optional<ScramKeys> none;
  TRY(auto account, accounts_.by_login(login));
  if (!account) return none;
  return keys_of(*account, login);
}

Result<std::optional<AccountRef>> Authenticator::account_with_key(
    std::string_view login, std::string_view stored_key) const {
  std::optional<AccountRef> nobody;
  TRY(auto account, accounts_.by_login(login));
  if (!account) return nobody;
  TRY(auto keys, keys_of(*account, login));
  bool is_same = keys && equal_in_constant_time(keys->stored_key, stored_key);
  return is_same ? account : nobody;
}

Result<std::optional<ScramKeys>> Authenticator::keys_of(const AccountRef& account,
                                                        std::string_view login) const {
  std::optional<ScramKeys> none;
  if (account.is_system) return none;
  TRY(auto known, stored(account));
  if (!known) return none;
  if (!known->scram.empty()) {
    TRY(auto keys, ScramKeys::parse(known->scram));
    return std::optional(std::move(keys));
  }
  if (!is_plain(known->password)) return none;
  // The same salt that an unknown user of this name would get, so that it reveals nothing.
  Secret password(known->password.substr(known->password.find('}') + 1));
  auto salt = hmac_sha256(server_secret_, login).substr(0, salt_bytes);
  return std::optional(ScramKeys::derive(prepared(password), salt, ScramKeys::iterations_default));
}

}  // namespace pennypost::store
