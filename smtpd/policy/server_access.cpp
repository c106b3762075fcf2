// Looks the hosts that serve a domain up in access tables: its mail hosts, name servers, addresses.
//
// Names and addresses are looked up as a client's are. Who owns a domain chooses its hosts, so that
// a table may refuse by them and never permit.

#include "smtpd/policy/access.h"
#include "smtpd/policy/evaluation.h"

namespace pennypost::smtp {

/// OK where it must not stand: told to the administrator, and answered 451 4.3.5.
Answer Evaluation::no_permission(const Restriction& restriction, const std::string& name,
                                 Answer answer) {
  if (answer != Answer::Permit || verdict_.discard) return answer;
  return misconfigured(restriction.name + " " + restriction.argument + " says OK for " + name +
                       ", which is no ground to permit; write DUNNO to make an exception");
}

/// A domain whose hosts can't be found out is not refused, as in Postfix.
Answer Evaluation::server_access(Subject subject, ServerKind kind, const std::string& domain,
                                 const Restriction& restriction) {
  if (domain.empty() || domain == "unknown") return Answer::Undecided;
  if (domain.starts_with('[')) {
    auto literal = Domain::parse(domain);
    auto address = literal ? literal->literal_address() : std::nullopt;
    if (kind == ServerKind::Ns || !address) return Answer::Undecided;
    Answer answer = access(subject, restriction, network_keys(*address));
    return no_permission(restriction, domain, answer);
  }
  auto servers = tables_.servers(kind, domain);
  if (!servers) {
    note("", restriction.name + ": " + domain + ": " + servers.error().text());
    return Answer::Undecided;
  }
  for (const ServerHost& host : servers->hosts) {
    std::vector<store::LookupKey> keys;
    if (kind != ServerKind::Address) keys = store::access_keys_of_host(host.name, parents());
    for (const std::string& address : host.addresses) {
      auto networks = network_keys(address);
      keys.insert(keys.end(), networks.begin(), networks.end());
    }
    Answer answer = access(subject, restriction, keys);
    if (answer != Answer::Undecided) return no_permission(restriction, domain, answer);
  }
  return Answer::Undecided;
}

Answer Evaluation::check_client_a_access(const Restriction& restriction) {
  return server_access(Subject::Client, ServerKind::Address, request_.client_name, restriction);
}
Answer Evaluation::check_client_mx_access(const Restriction& restriction) {
  return server_access(Subject::Client, ServerKind::Mx, request_.client_name, restriction);
}
Answer Evaluation::check_client_ns_access(const Restriction& restriction) {
  return server_access(Subject::Client, ServerKind::Ns, request_.client_name, restriction);
}

Answer Evaluation::check_reverse_client_hostname_a_access(const Restriction& restriction) {
  return server_access(Subject::ReverseClient, ServerKind::Address, request_.reverse_name,
                       restriction);
}
Answer Evaluation::check_reverse_client_hostname_mx_access(const Restriction& restriction) {
  return server_access(Subject::ReverseClient, ServerKind::Mx, request_.reverse_name, restriction);
}
Answer Evaluation::check_reverse_client_hostname_ns_access(const Restriction& restriction) {
  return server_access(Subject::ReverseClient, ServerKind::Ns, request_.reverse_name, restriction);
}

Answer Evaluation::check_helo_a_access(const Restriction& restriction) {
  return server_access(Subject::Helo, ServerKind::Address, request_.helo, restriction);
}
Answer Evaluation::check_helo_mx_access(const Restriction& restriction) {
  return server_access(Subject::Helo, ServerKind::Mx, request_.helo, restriction);
}
Answer Evaluation::check_helo_ns_access(const Restriction& restriction) {
  return server_access(Subject::Helo, ServerKind::Ns, request_.helo, restriction);
}

Answer Evaluation::check_sender_a_access(const Restriction& restriction) {
  return server_access(Subject::Sender, ServerKind::Address, domain_of(request_.sender),
                       restriction);
}
Answer Evaluation::check_sender_mx_access(const Restriction& restriction) {
  return server_access(Subject::Sender, ServerKind::Mx, domain_of(request_.sender), restriction);
}
Answer Evaluation::check_sender_ns_access(const Restriction& restriction) {
  return server_access(Subject::Sender, ServerKind::Ns, domain_of(request_.sender), restriction);
}

Answer Evaluation::check_recipient_a_access(const Restriction& restriction) {
  return server_access(Subject::Recipient, ServerKind::Address, domain_of(request_.recipient),
                       restriction);
}
Answer Evaluation::check_recipient_mx_access(const Restriction& restriction) {
  return server_access(Subject::Recipient, ServerKind::Mx, domain_of(request_.recipient),
                       restriction);
}
Answer Evaluation::check_recipient_ns_access(const Restriction& restriction) {
  return server_access(Subject::Recipient, ServerKind::Ns, domain_of(request_.recipient),
                       restriction);
}

}  // namespace pennypost::smtp
