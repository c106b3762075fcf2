#include "common/config/example.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/config/edit.h"
#include "common/config/parameter.h"

namespace pennypost {
namespace {

constexpr std::size_t column_max = 90;

struct Example {
  Role role;
  std::string_view what;
  std::string_view active;    // the lines that are in force
  std::string_view settings;  // those that follow as comments
};
constexpr std::array examples{
    Example{Role::NullClient,
            "A null client: sends the mail of programs on this host to one relay, and keeps no "
            "mail here. The relay's name is the only thing to change.",
            "role = \"null-client\"\nrelayhost = \"[smtp1.example.com]\"\n",
            "myhostname myorigin smtp_tls_security_level smtp_sasl_auth_enable "
            "smtp_sasl_password_maps canonical_maps message_size_limit maillog_file"},
    Example{Role::Relay,
            "A relay: accepts mail from its networks and from users who log in, and sends it to "
            "its destination. Add your networks to mynetworks, and a certificate, so that users "
            "can log in.",
            "role = \"relay\"\n",
            "myhostname mydomain mynetworks relay_domains transport_maps relay_recipient_maps "
            "relayhost smtpd_tls_cert_file smtpd_tls_key_file smtpd_client_restrictions "
            "message_size_limit maillog_file"},
    Example{Role::Destination,
            "The destination of mail: accepts the mail of $mydomain, stores it, and serves it by "
            "IMAP and POP3. Add a certificate, so that users can log in from other hosts.",
            "role = \"destination\"\n",
            "myhostname mydomain mydestination mynetworks relayhost ssl_cert ssl_key protocols "
            "mail_location virtual_mail_location quota_rule alias_maps virtual_alias_maps "
            "recipient_delimiter message_size_limit maillog_file"},
};

std::string commented(std::size_t index, Role role) {
  const Parameter& parameter = parameters()[index];
  auto value = role_default(role, parameter.name).value_or(parameter.default_text);
  return wrapped(parameter.description, "# ") + "#" + std::string(parameter.name) + " = " +
         toml_value(index, std::string(value)) + "\n";
}

}  // namespace

std::string wrapped(std::string_view text, std::string_view lead) {
  std::string result;
  std::string line(lead);
  for (std::string_view word : words(text, " ")) {
    if (line.size() > lead.size() && line.size() + 1 + word.size() > column_max) {
      result += line + "\n";
      line = lead;
    }
    if (line.size() > lead.size()) line += ' ';
    line += word;
  }
  return result + line + "\n";
}

std::string example(Role role) {
  const Example& one = *std::ranges::find(examples, role, &Example::role);
  std::string result = wrapped(one.what, "# ");
  result +=
      "#\n" + wrapped(
                  "Comments show defaults: write a setting without the # to change it; \"\" "
                  "is derived if it is not set. postconf shows all settings, postconf -x NAME "
                  "the value in use; parameters(5) and postconf --topics explain them.",
                  "# ");
  result += "\n" + std::string(one.active) + "\n";
  for (std::string_view name : words(one.settings, " ")) {
    if (auto index = find_parameter(name)) result += commented(*index, role);
  }
  return result;
}

}  // namespace pennypost
