#include "common/config/lmtp_settings.h"

namespace pennypost {
namespace {

void use_limits(Settings& settings) {
  settings.smtp_connect_timeout = settings.lmtp_connect_timeout;
  settings.smtp_connection_cache_on_demand = settings.lmtp_connection_cache_on_demand;
  settings.smtp_connection_reuse_count_limit = settings.lmtp_connection_reuse_count_limit;
  settings.smtp_connection_reuse_time_limit = settings.lmtp_connection_reuse_time_limit;
  settings.smtp_data_done_timeout = settings.lmtp_data_done_timeout;
  settings.smtp_data_init_timeout = settings.lmtp_data_init_timeout;
  settings.smtp_data_xfer_timeout = settings.lmtp_data_xfer_timeout;
  settings.smtp_helo_timeout = settings.lmtp_lhlo_timeout;
  settings.smtp_line_length_limit = settings.lmtp_line_length_limit;
  settings.smtp_mail_timeout = settings.lmtp_mail_timeout;
  settings.smtp_mx_address_limit = settings.lmtp_mx_address_limit;
  settings.smtp_mx_session_limit = settings.lmtp_mx_session_limit;
  settings.smtp_quit_timeout = settings.lmtp_quit_timeout;
  settings.smtp_rcpt_timeout = settings.lmtp_rcpt_timeout;
  settings.smtp_rset_timeout = settings.lmtp_rset_timeout;
  settings.smtp_starttls_timeout = settings.lmtp_starttls_timeout;
  settings.smtp_xforward_timeout = settings.lmtp_xforward_timeout;
}

void use_tls(Settings& settings) {
  settings.smtp_tls_CAfile = settings.lmtp_tls_CAfile;
  settings.smtp_tls_CApath = settings.lmtp_tls_CApath;
  settings.smtp_tls_cert_file = settings.lmtp_tls_cert_file;
  settings.smtp_tls_chain_files = settings.lmtp_tls_chain_files;
  settings.smtp_tls_ciphers = settings.lmtp_tls_ciphers;
  settings.smtp_tls_exclude_ciphers = settings.lmtp_tls_exclude_ciphers;
  settings.smtp_tls_fingerprint_cert_match = settings.lmtp_tls_fingerprint_cert_match;
  settings.smtp_tls_fingerprint_digest = settings.lmtp_tls_fingerprint_digest;
  settings.smtp_tls_key_file = settings.lmtp_tls_key_file;
  settings.smtp_tls_loglevel = settings.lmtp_tls_loglevel;
  settings.smtp_tls_mandatory_ciphers = settings.lmtp_tls_mandatory_ciphers;
  settings.smtp_tls_mandatory_exclude_ciphers = settings.lmtp_tls_mandatory_exclude_ciphers;
  settings.smtp_tls_mandatory_protocols = settings.lmtp_tls_mandatory_protocols;
  settings.smtp_tls_policy_maps = settings.lmtp_tls_policy_maps;
  settings.smtp_tls_protocols = settings.lmtp_tls_protocols;
  settings.smtp_tls_scert_verifydepth = settings.lmtp_tls_scert_verifydepth;
  settings.smtp_tls_secure_cert_match = settings.lmtp_tls_secure_cert_match;
  settings.smtp_tls_security_level = settings.lmtp_tls_security_level;
  settings.smtp_tls_servername = settings.lmtp_tls_servername;
  settings.smtp_tls_trust_anchor_file = settings.lmtp_tls_trust_anchor_file;
  settings.smtp_tls_verify_cert_match = settings.lmtp_tls_verify_cert_match;
  settings.smtp_tls_wrappermode = settings.lmtp_tls_wrappermode;
}

void use_login(Settings& settings) {
  settings.smtp_sasl_auth_enable = settings.lmtp_sasl_auth_enable;
  settings.smtp_sasl_mechanism_filter = settings.lmtp_sasl_mechanism_filter;
  settings.smtp_sasl_password_maps = settings.lmtp_sasl_password_maps;
  settings.smtp_sasl_security_options = settings.lmtp_sasl_security_options;
  settings.smtp_sasl_tls_security_options = settings.lmtp_sasl_tls_security_options;
  settings.smtp_sender_dependent_authentication = settings.lmtp_sender_dependent_authentication;
}

void use_content(Settings& settings) {
  settings.smtp_body_checks = settings.lmtp_body_checks;
  settings.smtp_generic_maps = settings.lmtp_generic_maps;
  settings.smtp_header_checks = settings.lmtp_header_checks;
  settings.smtp_mime_header_checks = settings.lmtp_mime_header_checks;
  settings.smtp_nested_header_checks = settings.lmtp_nested_header_checks;
}

}  // namespace

void use_lmtp_settings(Settings& settings) {
  settings.smtp_bind_address = settings.lmtp_bind_address;
  settings.smtp_bind_address6 = settings.lmtp_bind_address6;
  settings.smtp_discard_ehlo_keywords = settings.lmtp_discard_lhlo_keywords;
  settings.smtp_fallback_relay = settings.lmtp_fallback_relay;
  settings.smtp_helo_name = settings.lmtp_lhlo_name;
  settings.smtp_host_lookup = settings.lmtp_host_lookup;
  settings.smtp_requiretls_policy = settings.lmtp_requiretls_policy;
  settings.smtp_send_xforward_command = settings.lmtp_send_xforward_command;
  settings.smtp_skip_5xx_greeting = settings.lmtp_skip_5xx_greeting;
  settings.smtp_target_port = settings.lmtp_tcp_port;
  use_limits(settings);
  use_tls(settings);
  use_login(settings);
  use_content(settings);
}

std::shared_ptr<const Config> lmtp_client_config(const Config& config) {
  auto copy = std::make_shared<Config>(config);
  use_lmtp_settings(*copy);
  return copy;
}

}  // namespace pennypost
