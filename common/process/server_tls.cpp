#include "common/process/server_tls.h"

#include <algorithm>
#include <tuple>

#include "common/config/check.h"
#include "common/config/lmtp_settings.h"
#include "common/tls/cipher_list.h"

namespace pennypost {
namespace {

/// Values that were checked when the configuration was read.
TlsVersions versions_of(std::string_view text) {
  auto versions = TlsVersions::parse(text);
  return versions ? *versions : TlsVersions();
}

TlsContext::ServerSettings smtp_settings(const ListeningService& service) {
  const Settings& settings = *service.settings;
  TlsContext::ServerSettings tls;
  tls.certificate = {settings.smtpd_tls_cert_file, settings.smtpd_tls_key_file,
                     settings.smtpd_tls_chain_files};
  bool is_mandatory =
      settings.smtpd_tls_security_level == "encrypt" || is_implicit_tls(service.kind);
  if (is_mandatory) {
    tls.versions = versions_of(settings.smtpd_tls_mandatory_protocols);
    tls.cipher_list = cipher_list(settings, settings.smtpd_tls_mandatory_ciphers,
                                  settings.smtpd_tls_exclude_ciphers,
                                  settings.smtpd_tls_mandatory_exclude_ciphers);
  } else {
    tls.versions = versions_of(settings.smtpd_tls_protocols);
    tls.cipher_list =
        cipher_list(settings, settings.smtpd_tls_ciphers, settings.smtpd_tls_exclude_ciphers);
  }
  bool is_required = is_mandatory && settings.smtpd_tls_req_ccert;
  tls.clients.are_asked = is_required || settings.smtpd_tls_ask_ccert;
  if (tls.clients.are_asked) {
    tls.clients.are_required = is_required;
    tls.clients.ca_file = settings.smtpd_tls_CAfile;
    tls.clients.ca_path = settings.smtpd_tls_CApath;
    tls.clients.depth_max = static_cast<int>(settings.smtpd_tls_ccert_verifydepth);
  }
  return tls;
}

TlsContext::ServerSettings settings_of(const ListeningService& service) {
  if (is_smtp(service.kind)) return smtp_settings(service);
  const Settings& settings = *service.settings;
  TlsContext::ServerSettings tls;
  tls.certificate = {settings.ssl_cert, settings.ssl_key, {}};
  tls.versions = versions_of(">=" + settings.ssl_min_protocol);
  tls.cipher_list = settings.ssl_cipher_list;
  tls.clients.are_asked = settings.ssl_verify_client_cert;
  if (tls.clients.are_asked) tls.clients.ca_file = settings.ssl_ca;
  return tls;
}

bool is_off(const ListeningService& service) {
  const Settings& settings = *service.settings;
  if (!is_smtp(service.kind)) return settings.ssl == "no";
  return settings.smtpd_tls_security_level == "none" && !is_implicit_tls(service.kind);
}

/// Whether the admin has asked for certificates that authorities vouch for.
bool must_verify_servers(const Settings& config) {
  const std::string& level = config.smtp_tls_security_level;
  return level == "verify" || level == "secure" || !config.smtp_tls_policy_maps.empty();
}

/// Whether mail may need them, as a domain's MTA-STS policy or its sender says.
bool may_verify_servers(const Settings& config) {
  return config.smtp_tls_mta_sts || config.requiretls_enable;
}

/// All settings on which the contexts of a client depend.
auto tls_files_and_ciphers(const Settings& config) {
  return std::tie(config.smtp_tls_CAfile, config.smtp_tls_CApath, config.smtp_tls_cert_file,
                  config.smtp_tls_chain_files, config.smtp_tls_key_file, config.smtp_tls_protocols,
                  config.smtp_tls_ciphers, config.smtp_tls_exclude_ciphers,
                  config.smtp_tls_mandatory_protocols, config.smtp_tls_mandatory_ciphers,
                  config.smtp_tls_mandatory_exclude_ciphers);
}

}  // namespace

Result<ServerContexts> server_contexts(const Config& config, const std::vector<Service>& services,
                                       const std::shared_ptr<TicketKeys>& tickets,
                                       const ReadNames& read_names) {
  ServerContexts contexts;
  std::vector<TlsContext::NamedCertificate> named;
  if (read_names && !config.tls_server_sni_maps.empty()) {
    TRY(named, read_names(config));
  }
  // Services with the same settings share a context.
  std::vector<std::pair<TlsContext::ServerSettings, std::shared_ptr<TlsContext>>> made;
  for (const auto& service : config.listening(services)) {
    auto tls = settings_of(service);
    if (tls.certificate.empty() || is_off(service)) continue;
    tls.ticket_lifetime = config.tls_session_ticket_lifetime;
    tls.tickets = tickets;
    if (is_smtp(service.kind)) tls.named = named;
    auto same = std::ranges::find_if(made, [&](const auto& one) { return one.first == tls; });
    if (same == made.end()) {
      TRY(auto context, TlsContext::server(tls));
      same = made.insert(made.end(), {std::move(tls), std::move(context)});
    }
    contexts[service.name] = same->second;
  }
  return contexts;
}

std::vector<std::string> certificate_files(const Config& config,
                                           const std::vector<Service>& services,
                                           const ReadNames& read_names) {
  std::vector<std::string> files;
  auto add = [&](const std::string& file) {
    bool is_new = !file.empty() && std::ranges::find(files, file) == files.end();
    if (is_new) files.push_back(file);
  };
  for (const auto& service : config.listening(services)) {
    if (is_off(service)) continue;
    const auto certificate = settings_of(service).certificate;
    add(certificate.certificate_file);
    add(certificate.key_file);
    for (const auto& file : certificate.chain_files) add(file);
  }
  if (!read_names || config.tls_server_sni_maps.empty()) return files;
  auto named = read_names(config);
  if (!named) return files;
  for (const auto& one : *named) {
    for (const auto& file : one.chain_files) add(file);
  }
  return files;
}

Result<ClientContexts> client_contexts(const Settings& settings) {
  ClientContexts contexts;
  TlsContext::ClientSettings client;
  client.is_report_only = true;
  client.ca_file = settings.smtp_tls_CAfile;
  client.ca_path = settings.smtp_tls_CApath;
  client.certificate = {settings.smtp_tls_cert_file, settings.smtp_tls_key_file,
                        settings.smtp_tls_chain_files};
  client.versions = versions_of(settings.smtp_tls_protocols);
  client.cipher_list =
      cipher_list(settings, settings.smtp_tls_ciphers, settings.smtp_tls_exclude_ciphers);
  TRY(contexts.opportunistic, TlsContext::client(client));
  client.versions = versions_of(settings.smtp_tls_mandatory_protocols);
  client.cipher_list =
      cipher_list(settings, settings.smtp_tls_mandatory_ciphers, settings.smtp_tls_exclude_ciphers,
                  settings.smtp_tls_mandatory_exclude_ciphers);
  TRY(contexts.mandatory, TlsContext::client(client));
  bool is_needed = must_verify_servers(settings);
  if (!is_needed && !may_verify_servers(settings)) return contexts;
  client.verify = true;
  auto verifying = TlsContext::client(client);
  // A host without CA certificates can still encrypt.
  if (!verifying && is_needed) return std::move(verifying).error();
  if (verifying) contexts.verifying = *std::move(verifying);
  return contexts;
}

Result<ClientContexts> lmtp_contexts(const Config& config, const ClientContexts& smtp) {
  auto for_lmtp = lmtp_client_config(config);
  if (tls_files_and_ciphers(*for_lmtp) != tls_files_and_ciphers(config)) {
    return client_contexts(*for_lmtp);
  }
  bool lacks_verifying = must_verify_servers(*for_lmtp) && smtp.verifying == nullptr;
  if (lacks_verifying) return client_contexts(*for_lmtp);
  return smtp;
}

}  // namespace pennypost
