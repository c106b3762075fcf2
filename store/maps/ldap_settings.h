// The settings of an ldap: table, and how a key is written into a search.
//
// STANDARDS  Postfix's ldap_table(5)
// SEE ALSO   ldap_server.cpp (what they mean)
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/secret.h"
#include "store/maps/key_template.h"
#include "store/maps/source_settings.h"

namespace pennypost::store {

struct LdapSettings {
  /// Error: what is wrong, with file and line.
  static Result<LdapSettings> read(const SourceSettings& settings);
  /// Those that the file may have.
  static std::span<const SourceSetting> rows();

  std::vector<std::string> urls;  // of the servers, in order
  std::chrono::seconds timeout{10};
  std::optional<KeyTemplate> base;
  std::optional<KeyTemplate> filter;
  int scope = 0;  // as libldap numbers it
  // In this order in `attributes`.
  std::size_t terminal = 0;
  std::size_t leaf = 0;
  std::size_t ordinary = 0;
  std::vector<std::string> attributes;  // and the special ones
  enum class Bind { None, Simple, External };
  Bind bind = Bind::Simple;
  std::string authorization;  // sasl_authz_id; of External
  std::string bind_dn;
  Secret bind_password;
  std::uint64_t recursion_limit = 1000;
  int size_limit = 0;
  int dereference = 0;
  bool chases_referrals = false;
  int version = 3;
  bool starts_tls = false;
  bool requires_certificate = false;
  std::vector<std::pair<int, std::string>> tls_texts;  // options of libldap
};

/// RFC 4515 section 3: in a filter, `*`, parentheses and the backslash are written in hex.
std::string quoted_for_filter(std::string_view part);

/// RFC 4514 section 2.4: in a DN, what separates its parts is escaped, and blanks at either end.
std::string quoted_for_dn(std::string_view part);

}  // namespace pennypost::store
