#include "store/accounts/authenticator.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/crypto/random.h"
#include "common/mail/saslprep.h"

namespace pennypost::store {
namespace {

constexpr std::string_view scram_scheme = "{SCRAM-SHA-256}";
constexpr std::size_t salt_bytes = 16;

bool is_plain(std::string_view form) {
  return starts_with_nocase(form, "{PLAIN}") || starts_with_nocase(form, "{CLEARTEXT}");
}

// The form in which a password is hashed. A password that SASLprep refuses stays as it is.
Secret prepared(const Secret& password) {
  auto form = saslprep(password.reveal());
  return form ? Secret(*std::move(form)) : password;
}

// Another program may have hashed the password without SASLprep.
bool has_other_form(const Secret& password) { return !is_ascii(password.reveal()); }

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
    } else if (stored.password.empty()) {
      stored.password = form;
    }
    rest = trim(rest.substr(form.size()));
  }
  if (stored.password.empty() && stored.scram.empty()) {
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
  std::string keys = scram.empty() ? "" : std::string(scram_scheme) + scram;
  if (password.empty() || keys.empty()) return password + keys;
  return is_plain(password) ? keys + " " + password : password + " " + keys;
}

bool StoredCredentials::serves_scram() const { return !scram.empty() || is_plain(password); }

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
  std::optional<AccountRef> nobody;
  TRY(auto account, accounts_.by_login(login));
  if (account && account->is_system) {
    TRY(bool fits, system_->verify(account->name, password, client_address));
    return fits ? account : nobody;
  }
  if (!account) {
    TRY_DO(refuse_unknown(login, password, client_address));
    return nobody;
  }
  TRY(auto known, stored(*account));
  if (!known) {
    verify_nothing_as_own(password);
    return nobody;
  }
  std::string form =
      known->password.empty() ? std::string(scram_scheme) + known->scram : known->password;
  auto fits = hashing_.verify(prepared(password), form);
  if (fits && !*fits && has_other_form(password)) fits = hashing_.verify(password, form);
  if (!fits) return Error::permanent(account->name + ": " + fits.error().text());
  return *fits ? account : nobody;
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
