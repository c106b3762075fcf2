#include "store/maps/ldap_settings.h"

#include <ldap.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"

namespace pennypost::store {
namespace {

constexpr std::array setting_rows{
    SourceSetting{"bind", "yes"},
    SourceSetting{"bind_dn", ""},
    SourceSetting{"bind_pw", ""},
    SourceSetting{"chase_referrals", "no", SourceSetting::Flag},
    SourceSetting{"debuglevel", "0", SourceSetting::Number},
    SourceSetting{"dereference", "0", SourceSetting::Number},
    SourceSetting{"leaf_result_attribute", ""},
    SourceSetting{"query_filter", "(mailacceptinggeneralid=%s)"},
    SourceSetting{"recursion_limit", "1000", SourceSetting::Number},
    SourceSetting{"result_attribute", "maildrop"},
    SourceSetting{"sasl_authz_id", ""},
    SourceSetting{"sasl_mechs", ""},
    SourceSetting{"scope", "sub"},
    SourceSetting{"search_base", ""},
    SourceSetting{"server_host", "localhost"},
    SourceSetting{"server_port", "389", SourceSetting::Number},
    SourceSetting{"size_limit", "", SourceSetting::Number},
    SourceSetting{"special_result_attribute", ""},
    SourceSetting{"start_tls", "no", SourceSetting::Flag},
    SourceSetting{"terminal_result_attribute", ""},
    SourceSetting{"timeout", "10", SourceSetting::Number},
    SourceSetting{"tls_ca_cert_dir", ""},
    SourceSetting{"tls_ca_cert_file", ""},
    SourceSetting{"tls_cert", ""},
    SourceSetting{"tls_cipher_suite", ""},
    SourceSetting{"tls_key", ""},
    SourceSetting{"tls_random_file", ""},
    SourceSetting{"tls_require_cert", "no", SourceSetting::Flag},
    SourceSetting{"version", "3", SourceSetting::Number},
};

Result<int> scope_of(const SourceSettings& settings) {
  std::string scope = lower(settings.text("scope"));
  if (scope == "sub") return LDAP_SCOPE_SUBTREE;
  if (scope == "one") return LDAP_SCOPE_ONELEVEL;
  if (scope == "base") return LDAP_SCOPE_BASE;
  return settings.wrong("scope", printable(scope, 20) + " is none of sub, one, base");
}

/// RFC 4422 appendix A: EXTERNAL takes the user of the socket, or the client certificate.
Result<LdapSettings::Bind> bind_of(const SourceSettings& settings) {
  std::string bind = lower(settings.text("bind"));
  if (bind == "yes" || bind == "simple") return LdapSettings::Bind::Simple;
  if (bind == "no" || bind == "none") return LdapSettings::Bind::None;
  if (bind != "sasl") {
    return settings.wrong("bind",
                          printable(bind, 20) + " is none of yes (simple), no (none), sasl");
  }
  if (!equal_nocase(settings.text("sasl_mechs"), "EXTERNAL")) {
    return settings.wrong("sasl_mechs",
                          "with bind = sasl only EXTERNAL is known here; write it, and "
                          "a server ldapi:// or a client certificate");
  }
  return LdapSettings::Bind::External;
}

std::vector<std::string> urls_of(const SourceSettings& settings) {
  auto hosts = settings.words("server_host");
  for (auto& host : hosts) {
    if (host.find("://") != host.npos) continue;
    bool has_port = host.rfind(':') != host.npos && !host.ends_with(']');
    host = "ldap://" + host + (has_port ? "" : ":" + settings.text("server_port"));
  }
  return hosts;
}

void read_attributes(const SourceSettings& settings, LdapSettings& to) {
  auto append = [&](const char* name) {
    for (auto& attribute : settings.words(name)) to.attributes.push_back(std::move(attribute));
    return to.attributes.size();
  };
  to.terminal = append("terminal_result_attribute");
  to.leaf = append("leaf_result_attribute") - to.terminal;
  to.ordinary = append("result_attribute");
  append("special_result_attribute");
}

Result<void> read_templates(const SourceSettings& settings, LdapSettings& to) {
  auto base = KeyTemplate::parse(settings.text("search_base"), KeyTemplate::Of::Key);
  if (!base) return settings.wrong("search_base", base.error().text());
  auto filter = KeyTemplate::parse(settings.text("query_filter"), KeyTemplate::Of::Key);
  if (!filter) return settings.wrong("query_filter", filter.error().text());
  if (filter->is_fixed() && base->is_fixed()) {
    return settings.wrong("query_filter", "is the same for every key; write %s where it belongs");
  }
  to.base = *std::move(base);
  to.filter = *std::move(filter);
  return {};
}

void read_tls(const SourceSettings& settings, LdapSettings& to) {
  constexpr std::array<std::pair<const char*, int>, 6> options{{
      {"tls_ca_cert_file", LDAP_OPT_X_TLS_CACERTFILE},
      {"tls_ca_cert_dir", LDAP_OPT_X_TLS_CACERTDIR},
      {"tls_cert", LDAP_OPT_X_TLS_CERTFILE},
      {"tls_key", LDAP_OPT_X_TLS_KEYFILE},
      {"tls_cipher_suite", LDAP_OPT_X_TLS_CIPHER_SUITE},
      {"tls_random_file", LDAP_OPT_X_TLS_RANDOM_FILE},
  }};
  for (const auto& [name, option] : options) {
    if (!settings.text(name).empty()) to.tls_texts.emplace_back(option, settings.text(name));
  }
  to.starts_tls = settings.flag("start_tls");
  to.requires_certificate = settings.flag("tls_require_cert");
}

}  // namespace

std::span<const SourceSetting> LdapSettings::rows() { return setting_rows; }

Result<LdapSettings> LdapSettings::read(const SourceSettings& settings) {
  LdapSettings read;
  TRY_DO(read_templates(settings, read));
  TRY(read.scope, scope_of(settings));
  TRY(read.bind, bind_of(settings));
  read.authorization = settings.text("sasl_authz_id");
  read_attributes(settings, read);
  read_tls(settings, read);
  read.bind_dn = settings.text("bind_dn");
  read.bind_password = Secret(settings.text("bind_pw"));
  read.recursion_limit = std::max<std::uint64_t>(settings.number("recursion_limit"), 1);
  bool has_size_limit = settings.is_set("size_limit");
  read.size_limit =
      static_cast<int>(settings.number(has_size_limit ? "size_limit" : "expansion_limit"));
  auto dereference = settings.number("dereference");
  if (dereference > 3) return settings.wrong("dereference", "is a number from 0 to 3");
  read.dereference = static_cast<int>(dereference);
  read.chases_referrals = settings.flag("chase_referrals");
  auto version = settings.number("version");
  if (version != 2 && version != 3) return settings.wrong("version", "is 2 or 3");
  if (version == 2 && read.starts_tls) return settings.wrong("start_tls", "needs version = 3");
  bool uses_sasl = read.bind == LdapSettings::Bind::External;
  if (version == 2 && uses_sasl) return settings.wrong("bind", "sasl needs version = 3");
  read.version = static_cast<int>(version);
  auto timeout = settings.number("timeout");
  if (timeout < 1 || timeout > 300) return settings.wrong("timeout", "is from 1 to 300 seconds");
  read.timeout = std::chrono::seconds(timeout);
  read.urls = urls_of(settings);
  if (read.urls.empty()) return settings.wrong("server_host", "names no server");
  return read;
}

std::string quoted_for_filter(std::string_view part) {
  std::string text;
  for (char c : part) {
    if (c == '*' || c == '(' || c == ')' || c == '\\' || c == '\0') {
      text += "\\" + hex_encode(std::string_view(&c, 1));
    } else {
      text += c;
    }
  }
  return text;
}

std::string quoted_for_dn(std::string_view part) {
  std::string text;
  for (std::size_t i = 0; i < part.size(); ++i) {
    char c = part[i];
    bool is_special = std::string_view(",+\"\\<>;=").find(c) != std::string_view::npos;
    bool is_first = i == 0 && (c == ' ' || c == '#');
    bool is_last = i + 1 == part.size() && c == ' ';
    if (is_special || is_first || is_last) text += '\\';
    text += c;
  }
  return text;
}

}  // namespace pennypost::store
