#include "common/config/lmtp_settings.h"

#include <doctest/doctest.h>
#include <map>
#include <string>

#include "common/base/text.h"
#include "common/config/testing.h"

using namespace pennypost;

namespace {

/// Whether two hosts have the same value of a setting; by the position in parameters().
constexpr bool (*is_equal[])(const Settings&, const Settings&) = {
#define PARAMETER(kind, name, default_text, services, range, description) \
  [](const Settings& a, const Settings& b) { return a.name == b.name; },
#define ROLE_DEFAULT(role, name, text)
#define SERVICE_DEFAULT(service, name, text)
#include "common/config/parameters.def"
#undef PARAMETER
#undef ROLE_DEFAULT
#undef SERVICE_DEFAULT
};

/// The smtp_ setting that an lmtp_ setting stands for in the client; empty: it is not the client's,
/// or LMTP alone has it.
std::string smtp_form(std::string_view name) {
  bool is_of_queue = name.find("_destination_") != name.npos || name.ends_with("_rate_delay");
  if (is_of_queue) return "";
  const std::map<std::string_view, std::string> others{
      {"lmtp_assume_final", ""},
      {"lmtp_discard_lhlo_keywords", "smtp_discard_ehlo_keywords"},
      {"lmtp_lhlo_name", "smtp_helo_name"},
      {"lmtp_lhlo_timeout", "smtp_helo_timeout"},
      {"lmtp_tcp_port", "smtp_target_port"},
  };
  auto found = others.find(name);
  return found != others.end() ? found->second : "smtp_" + std::string(name.substr(5));
}

/// A value that is not the setting's default.
std::string another_value(const Parameter& parameter) {
  if (parameter.kind == "Flag") return parameter.default_text == "yes" ? "no" : "yes";
  if (parameter.kind == "Tables") return "inline:{{a=b}}";
  if (parameter.kind == "Path") return "/x";
  if (parameter.name.ends_with("address")) return "192.0.2.1";
  if (parameter.name.ends_with("address6")) return "2001:db8::1";
  if (parameter.name.ends_with("requiretls_policy")) return "disable";
  if (parameter.name.ends_with("protocols")) return ">=TLSv1.3";
  if (parameter.range.choices != nullptr) {
    for (auto word : split(parameter.range.choices, '|')) {
      if (word != parameter.default_text) return std::string(word);
    }
  }
  bool is_text = parameter.kind == "Text" || parameter.kind == "List";
  return is_text ? "x.example" : std::to_string(parameter.range.max);
}

}  // namespace

TEST_CASE("the client's every setting for LMTP takes the place of that for SMTP, and no other") {
  for (const auto& parameter : parameters()) {
    std::string name(parameter.name);
    if (!name.starts_with("lmtp_") || smtp_form(name).empty()) continue;
    CAPTURE(name);
    std::string value = another_value(parameter);
    auto config = config_for_test({name + "=" + value});
    auto used = lmtp_client_config(*config);
    auto wanted = config_for_test({smtp_form(name) + "=" + value});
    auto untouched = lmtp_client_config(*config_for_test());
    for (std::size_t i = 0; i < parameters().size(); ++i) {
      std::string other(parameters()[i].name);
      CAPTURE(other);
      bool follows = name == "lmtp_tls_cert_file" && other.ends_with("mtp_tls_key_file");
      if (other == name || follows) continue;
      if (other == smtp_form(name)) {
        CHECK(is_equal[i](*used, *wanted));
        CHECK_FALSE(is_equal[i](*used, *untouched));
      } else {
        CHECK(is_equal[i](*used, *untouched));
      }
    }
  }
}
