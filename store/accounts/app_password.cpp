#include "store/accounts/app_password.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/crypto/random.h"

namespace pennypost::store {
namespace {

constexpr std::string_view all_scopes = "*";
constexpr std::size_t salt_bytes = 12;
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t groups = 4;
constexpr std::size_t group_characters = 5;
// No character is easily taken for another; 32 of them, so that each has five bits.
constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(alphabet.size() == 32);

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= app_name_bytes_max &&
         std::ranges::all_of(
             name, [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

/// As people type it: in any case, with other or no separators.
Secret plain_form(const Secret& password) {
  std::string out;
  for (char c : password.reveal()) {
    if (c != '-' && c != ' ') out += to_lower(c);
  }
  return Secret(std::move(out));
}

std::string digest_of(std::string_view salt, const Secret& password) {
  std::string text(salt);
  text += plain_form(password).reveal();
  auto digest = sha256(text);
  Secret wiped(std::move(text));
  return digest;
}

Result<void> check_scopes(const std::vector<std::string>& scopes) {
  for (const auto& scope : scopes) {
    if (std::ranges::find(app_scopes(), scope) != app_scopes().end()) continue;
    return Error::permanent("unknown scope " + printable(scope, 40) +
                            "; known are imap, pop3, smtp, sieve");
  }
  return {};
}

}  // namespace

const std::vector<std::string_view>& app_scopes() {
  static const std::vector<std::string_view> names{"imap", "pop3", "smtp", "sieve"};
  return names;
}

Result<AppPassword> AppPassword::parse(std::string_view text) {
  auto parts = split(text, ':');
  Error malformed = Error::permanent(
      "malformed {APP} password: expected "
      "name:scopes:expires:salt:digest");
  if (parts.size() != 5 || !is_name(parts[0])) return malformed;
  AppPassword app;
  app.name = parts[0];
  if (parts[1] != all_scopes) {
    for (auto scope : words(parts[1], "+")) app.scopes.emplace_back(scope);
    if (app.scopes.empty() || app.scopes.size() > app_scopes().size()) return malformed;
    TRY_DO(check_scopes(app.scopes));
  }
  auto expires = parse_number(parts[2]);
  auto salt = base64_decode(parts[3]);
  auto digest = base64_decode(parts[4]);
  if (!expires || *expires > INT64_MAX || !salt || salt->empty() || !digest ||
      digest->size() != digest_bytes) {
    return malformed;
  }
  app.expires = static_cast<std::int64_t>(*expires);
  app.salt = *std::move(salt);
  app.digest = *std::move(digest);
  return app;
}

std::string AppPassword::text() const {
  return name + ":" + (scopes.empty() ? std::string(all_scopes) : join(scopes, "+")) + ":" +
         std::to_string(expires) + ":" + base64_encode(salt) + ":" + base64_encode(digest);
}

bool AppPassword::fits(const Secret& password) const {
  return equal_in_constant_time(digest_of(salt, password), digest);
}

bool AppPassword::serves(std::string_view service) const {
  std::string_view scope = service == "managesieve" ? "sieve" : service;
  return scopes.empty() || std::ranges::find(scopes, scope) != scopes.end();
}

Result<NewAppPassword> make_app_password(std::string name, std::vector<std::string> scopes,
                                         std::int64_t expires) {
  if (!is_name(name)) {
    return Error::permanent("an app password's name has 1 to " +
                            std::to_string(app_name_bytes_max) +
                            " letters, digits and characters of ._-");
  }
  TRY_DO(check_scopes(scopes));
  std::string text;
  auto random = random_bytes(groups * group_characters);
  for (std::size_t i = 0; i < random.size(); ++i) {
    if (i > 0 && i % group_characters == 0) text += '-';
    text += alphabet[static_cast<unsigned char>(random[i]) % alphabet.size()];
  }
  NewAppPassword made{{}, Secret(std::move(text))};
  made.stored.name = std::move(name);
  made.stored.scopes = std::move(scopes);
  made.stored.expires = expires;
  made.stored.salt = random_bytes(salt_bytes);
  made.stored.digest = digest_of(made.stored.salt, made.password);
  return made;
}

}  // namespace pennypost::store
