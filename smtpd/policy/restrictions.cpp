// Evaluates the restrictions on HELO names, clients, senders and recipients.

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/idn.h"
#include "common/net/address.h"
#include "smtpd/policy/evaluation.h"
#include "smtpd/queue/receive_override.h"

namespace pennypost::smtp {
namespace {

bool is_fqdn(const Domain& domain) {
  return domain.is_literal() || domain.text().find('.') != std::string::npos;
}

}  // namespace

// HELO.

Answer Evaluation::reject_invalid_helo_hostname(const Restriction&) {
  if (Domain::parse(request_.helo)) return Answer::Undecided;
  return refuse_about(Subject::Helo, 501, "5.5.2", "Invalid name");
}

Answer Evaluation::reject_non_fqdn_helo_hostname(const Restriction&) {
  auto name = Domain::parse(request_.helo);
  if (name && is_fqdn(*name)) return Answer::Undecided;
  return refuse_about(Subject::Helo, 504, "5.5.2", "need fully-qualified hostname");
}

Answer Evaluation::reject_unknown_helo_hostname(const Restriction&) {
  auto name = Domain::parse(request_.helo);
  if (name && name->is_literal()) return Answer::Undecided;
  if (!name) return refuse_about(Subject::Helo, 501, "5.5.2", "Invalid name");
  auto found = tables_.takes_mail(*name);
  if (!found) return look_up_failed(Subject::Helo);
  if (*found) return Answer::Undecided;
  return refuse_about(Subject::Helo, 450, "4.7.1", "Host not found");
}

// The client.

Answer Evaluation::reject_unknown_client_hostname(const Restriction&) {
  if (request_.client_name != "unknown") return Answer::Undecided;
  return refuse(
      450, "4.7.25",
      "Client host rejected: cannot find your hostname, [" + request_.client_address + "]");
}

Answer Evaluation::reject_unknown_reverse_client_hostname(const Restriction&) {
  if (request_.reverse_name != "unknown") return Answer::Undecided;
  return refuse(
      450, "4.7.25",
      "Client host rejected: cannot find your reverse hostname, [" + request_.client_address + "]");
}

Answer Evaluation::reject_plaintext_session(const Restriction&) {
  if (request_.is_encrypted) return Answer::Undecided;
  return refuse(450, "4.7.1", "Session encryption is required");
}

Answer Evaluation::reject_unauth_pipelining(const Restriction&) {
  if (!request_.is_pipelining_early) return Answer::Undecided;
  return refuse_about(subject_, 503, "5.5.0", "Improper use of SMTP command pipelining");
}

/// RFC 5782: if the subject is listed, its name exists in the zone. A list that does not answer
/// refuses nobody.
Answer Evaluation::block_list(std::string_view name, const std::string& zone,
                              const std::string& shown) {
  auto equals = zone.find('=');
  std::string domain = zone.substr(0, equals);
  auto addresses = tables_.ip4_addresses(std::string(name) + "." + domain);
  if (!addresses || addresses->empty()) return Answer::Undecided;
  if (equals != std::string::npos &&
      std::ranges::find(*addresses, zone.substr(equals + 1)) == addresses->end()) {
    return Answer::Undecided;
  }
  return refuse(554, "5.7.1", "Service unavailable; " + shown + " blocked using " + domain);
}

Answer Evaluation::reject_rbl_client(const Restriction& restriction) {
  auto address = IpAddress::parse(request_.client_address);
  if (!address) return Answer::Undecided;
  std::string reversed = address->reverse_name();
  for (std::string_view suffix : {".in-addr.arpa", ".ip6.arpa"}) {
    if (reversed.ends_with(suffix)) reversed.resize(reversed.size() - suffix.size());
  }
  return block_list(reversed, restriction.argument,
                    "Client host [" + request_.client_address + "]");
}

Answer Evaluation::reject_rhsbl_client(const Restriction& restriction) {
  if (request_.client_name == "unknown") return Answer::Undecided;
  return block_list(request_.client_name, restriction.argument,
                    "Client host [" + request_.client_name + "]");
}

Answer Evaluation::reject_rhsbl_helo(const Restriction& restriction) {
  auto name = Domain::parse(request_.helo);
  if (!name || name->is_literal()) return Answer::Undecided;
  return block_list(name->key(), restriction.argument, "Helo command [" + request_.helo + "]");
}

Answer Evaluation::reject_rhsbl_sender(const Restriction& restriction) {
  auto sender = parsed(request_.sender);
  if (!sender.domain() || sender.domain()->is_literal()) return Answer::Undecided;
  return block_list(sender.domain()->key(), restriction.argument,
                    "Sender address [" + request_.sender + "]");
}

// Sender and recipient.

Answer Evaluation::non_fqdn_address(Subject subject, const std::string& text) {
  auto address = parsed(text);
  bool is_postmaster = !address.domain() && equal_nocase(address.local(), "postmaster");
  if (address.is_null() || is_postmaster) return Answer::Undecided;
  if (address.domain() && is_fqdn(*address.domain())) return Answer::Undecided;
  return refuse_about(subject, 504, "5.5.2", "need fully-qualified address");
}

Answer Evaluation::reject_non_fqdn_sender(const Restriction&) {
  return non_fqdn_address(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_non_fqdn_recipient(const Restriction&) {
  return non_fqdn_address(Subject::Recipient, request_.recipient);
}

Answer Evaluation::unknown_domain(Subject subject, const std::string& text) {
  auto address = parsed(text);
  if (!address.domain() || address.domain()->is_literal()) return Answer::Undecided;
  auto domain_class = tables_.classify(*address.domain());
  if (!domain_class) return look_up_failed(subject);
  if (*domain_class != DomainClass::Foreign) return Answer::Undecided;
  auto found = tables_.takes_mail(*address.domain());
  if (!found) return look_up_failed(subject);
  if (*found) return Answer::Undecided;
  return refuse_about(subject, 450, subject == Subject::Sender ? "4.1.8" : "4.1.2",
                      "Domain not found");
}

Answer Evaluation::reject_unknown_sender_domain(const Restriction&) {
  return unknown_domain(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_unknown_recipient_domain(const Restriction&) {
  return unknown_domain(Subject::Recipient, request_.recipient);
}

Answer Evaluation::unlisted(Subject subject, const std::string& text) {
  auto address = completed(text);
  if (!address.domain() || hides_destination(address)) return Answer::Undecided;
  if (subject == Subject::Recipient && is_left_out(settings_, no_unknown_recipient_checks)) {
    return Answer::Undecided;
  }
  auto domain_class = tables_.classify(*address.domain());
  if (!domain_class) return look_up_failed(subject);
  auto refusal = tables_.refusal(address);
  if (!refusal) return look_up_failed(subject);
  if (!*refusal) return Answer::Undecided;
  auto [status, reason] = std::move(**refusal);
  if (status != "5.1.1") return refuse_about(subject, 550, status, reason);
  return unknown_user(subject, *domain_class);
}

Answer Evaluation::unknown_user(Subject subject, DomainClass domain_class) {
  std::string reason = "User unknown";
  if (settings_.show_user_unknown_table_name) {
    if (domain_class == DomainClass::Local) reason += " in local recipient table";
    if (domain_class == DomainClass::VirtualAlias) reason += " in virtual alias table";
    if (domain_class == DomainClass::Hosted) reason += " in virtual mailbox table";
    if (domain_class == DomainClass::Relay) reason += " in relay recipient table";
  }
  bool may_come =
      domain_class == DomainClass::Local && settings_.unknown_local_recipient_reject_code == "450";
  std::string status = may_come ? "4." : "5.";
  status += subject == Subject::Sender ? "1.0" : "1.1";
  return refuse_about(subject, may_come ? 450 : 550, status, reason);
}

Answer Evaluation::reject_unlisted_sender(const Restriction&) {
  return unlisted(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_unlisted_recipient(const Restriction&) {
  return unlisted(Subject::Recipient, request_.recipient);
}

Answer Evaluation::reject_multi_recipient_bounce(const Restriction&) {
  if (!request_.sender.empty() || request_.recipients < 2) return Answer::Undecided;
  return refuse_about(subject_, 550, "5.5.3", "Multi-recipient bounce");
}

// Whether the login owns the sender.

Result<std::optional<bool>> Evaluation::owns_sender() {
  auto keys = mail_keys(request_.sender);
  auto user = folded_address(request_.sasl_username);
  for (const TableRef& table : settings_.smtpd_sender_login_maps) {
    for (const store::LookupKey& found : keys) {
      // As in Postfix, domains are looked up as `@domain` here, not as `domain`.
      bool is_domain = found.text.find('@') == std::string::npos;
      std::string key = is_domain ? "@" + found.text : found.text;
      TRY(auto value, tables_.find(table, key, found.kind));
      if (!value) continue;
      for (std::string_view login : words(*value)) {
        if (!user.empty() && folded_address(login) == user) {
          return std::optional<bool>(true);
        }
      }
      return std::optional<bool>(false);
    }
  }
  return std::optional<bool>();
}

Answer Evaluation::reject_authenticated_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty() || !request_.is_authenticated) return Answer::Undecided;
  auto owns = owns_sender();
  if (!owns) return look_up_failed(Subject::Sender);
  if (owns->has_value() && **owns) return Answer::Undecided;
  return refuse_about(Subject::Sender, 553, "5.7.1", "not owned by user " + request_.sasl_username);
}

Answer Evaluation::reject_unauthenticated_sender_login_mismatch(const Restriction&) {
  if (request_.sender.empty() || request_.is_authenticated) return Answer::Undecided;
  auto owns = owns_sender();
  if (!owns) return look_up_failed(Subject::Sender);
  if (!owns->has_value()) return Answer::Undecided;
  return refuse_about(Subject::Sender, 553, "5.7.1", "not logged in");
}

Answer Evaluation::reject_sender_login_mismatch(const Restriction& restriction) {
  if (request_.is_authenticated) return reject_authenticated_sender_login_mismatch(restriction);
  return reject_unauthenticated_sender_login_mismatch(restriction);
}

}  // namespace pennypost::smtp
