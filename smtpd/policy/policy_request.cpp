#include "smtpd/policy/policy_request.h"

#include <algorithm>

#include "common/base/text.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {
namespace {

void put(std::string& request, std::string_view name, std::string_view value) {
  add(request, name, '=');
  for (char c : value) request += is_control(c) ? '?' : c;
  request += '\n';
}

bool holds_policy_server(const std::vector<Restriction>& list) {
  return std::ranges::any_of(
      list, [](const Restriction& item) { return item.name == "check_policy_service"; });
}

}  // namespace

std::string policy_request(const CheckRecipient& about, const std::string& policy_context) {
  ASSERT(about.facts.has_value());
  const SessionFacts& facts = *about.facts;
  bool is_counted =
      facts.state == "DATA" || facts.state == "BDAT" || facts.state == "END-OF-MESSAGE";
  ClientCertificate none;
  const ClientCertificate& certificate = about.certificate ? *about.certificate : none;
  std::string request;
  put(request, "request", "smtpd_access_policy");
  put(request, "protocol_state", facts.state);
  put(request, "protocol_name", facts.protocol);
  put(request, "client_address", about.client_address);
  put(request, "client_name", about.client_name);
  put(request, "client_port", std::to_string(facts.client_port));
  put(request, "reverse_client_name", about.reverse_name);
  put(request, "server_address", facts.server_address);
  put(request, "server_port", std::to_string(facts.server_port));
  put(request, "helo_name", about.helo);
  put(request, "sender", about.sender);
  put(request, "recipient", about.recipient);
  put(request, "recipient_count", std::to_string(is_counted ? about.recipients : 0));
  put(request, "queue_id", facts.queue_id);
  put(request, "instance", facts.instance);
  put(request, "size", std::to_string(facts.size));
  put(request, "etrn_domain", about.etrn_domain);
  put(request, "stress", "");
  put(request, "sasl_method", facts.sasl_method);
  put(request, "sasl_username", about.sasl_username);
  put(request, "sasl_sender", facts.sasl_sender);
  put(request, "ccert_subject", certificate.is_trusted ? certificate.name : "");
  put(request, "ccert_issuer", certificate.is_trusted ? certificate.issuer : "");
  put(request, "ccert_fingerprint", certificate.fingerprint);
  put(request, "ccert_pubkey_fingerprint", certificate.key_fingerprint);
  put(request, "encryption_protocol", facts.tls_protocol);
  put(request, "encryption_cipher", facts.tls_cipher);
  put(request, "encryption_keysize", std::to_string(facts.tls_bits));
  put(request, "policy_context", policy_context);
  request += '\n';
  return request;
}

bool asks_policy_servers(const Settings& settings) {
  for (const auto* list :
       {&settings.smtpd_client_restrictions, &settings.smtpd_helo_restrictions,
        &settings.smtpd_sender_restrictions, &settings.smtpd_relay_restrictions,
        &settings.smtpd_recipient_restrictions, &settings.smtpd_data_restrictions,
        &settings.smtpd_end_of_data_restrictions, &settings.smtpd_etrn_restrictions}) {
    if (holds_policy_server(*list)) return true;
  }
  return std::ranges::any_of(settings.restriction_classes,
                             [](const auto& named) { return holds_policy_server(named.second); });
}

/// The answer is carried out like an access table's; without one, default_action is.
Answer Evaluation::check_policy_service(const Restriction& restriction) {
  if (!request_.facts) {
    return misconfigured(
        "check_policy_service in an access table: write it into a class of "
        "smtpd_restriction_classes, and name that in the table");
  }
  auto service = PolicyService::parse(restriction.argument, settings_);
  if (!service) return misconfigured(service.error().text());
  auto said = tables_.policy_action(*service, policy_request(request_, service->policy_context));
  verdict_.is_for_once = true;
  std::string server = "policy server " + service->at.name();
  auto outer = std::exchange(source_, std::string_view(server));
  Answer answer = act(subject_, said ? *said : service->default_action);
  source_ = outer;
  return answer;
}

}  // namespace pennypost::smtp
