#include "common/process/server_tls.h"

#include "common/config/check.h"

namespace pennypost {
namespace {

/// Postfix's `>=TLSv1.2` names the lowest version.
std::string lowest(std::string protocols) {
  if (protocols.starts_with(">=")) protocols.erase(0, 2);
  return protocols;
}

TlsContext::ServerSettings settings_of(const Config& config, Service service) {
  const auto& settings = config.at(service);
  TlsContext::ServerSettings tls;
  tls.ticket_lifetime = config.tls_session_ticket_lifetime;
  if (!is_smtp(service)) {
    tls.certificate_file = settings.ssl_cert;
    tls.key_file = settings.ssl_key;
    tls.minimum_protocol = settings.ssl_min_protocol;
    tls.cipher_list = settings.ssl_cipher_list;
    return tls;
  }
  tls.certificate_file = settings.smtpd_tls_cert_file;
  tls.key_file = settings.smtpd_tls_key_file;
  bool is_mandatory = settings.smtpd_tls_security_level == "encrypt" || is_implicit_tls(service);
  tls.minimum_protocol =
      lowest(is_mandatory ? settings.smtpd_tls_mandatory_protocols : settings.smtpd_tls_protocols);
  return tls;
}

bool is_off(const Config& config, Service service) {
  const auto& settings = config.at(service);
  if (!is_smtp(service)) return settings.ssl == "no";
  return settings.smtpd_tls_security_level == "none" && !is_implicit_tls(service);
}

}  // namespace

Result<ServerContexts> server_contexts(const Config& config, const std::vector<Service>& services,
                                       const std::shared_ptr<TicketKeys>& tickets) {
  ServerContexts contexts;
  std::map<std::string, std::shared_ptr<TlsContext>> made;
  for (Service service : services) {
    auto tls = settings_of(config, service);
    if (tls.certificate_file.empty() || is_off(config, service)) continue;
    tls.tickets = tickets;
    // Services with the same settings share a context.
    std::string key = tls.certificate_file + '\n' + tls.key_file + '\n' + tls.minimum_protocol +
                      '\n' + tls.cipher_list;
    auto& context = made[key];
    if (!context) {
      TRY(context, TlsContext::server(tls));
    }
    contexts[service] = context;
  }
  return contexts;
}

Result<std::shared_ptr<TlsContext>> verifying_client(const Config& config) {
  const std::string& level = config.smtp_tls_security_level;
  bool verifies = level == "verify" || level == "secure" || !config.smtp_tls_policy_maps.empty();
  if (!verifies) return std::shared_ptr<TlsContext>();
  TlsContext::ClientSettings client;
  client.verify = true;
  client.ca_file = config.smtp_tls_CAfile;
  client.ca_path = config.smtp_tls_CApath;
  client.minimum_protocol = lowest(config.smtp_tls_mandatory_protocols);
  return TlsContext::client(client);
}

}  // namespace pennypost
