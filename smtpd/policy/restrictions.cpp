// Evaluates the restrictions on HELO names, clients, senders and recipients.

#include <algorithm>

#include "common/base/text.h"
#include "smtpd/policy/evaluation.h"
#include "smtpd/queue/receive_override.h"

namespace pennypost::smtp {
namespace {

bool is_fqdn(const Domain& domain) {
  return domain.is_literal() || domain.text().find('.') != std::string::npos;
}

}  // namespace

// HELO.

Answer Evaluation::invalid_helo() {
  const char* text = request_.helo.starts_with('[') ? "invalid ip address" : "Invalid name";
  return refuse_about(Subject::Helo, static_cast<int>(settings_.invalid_hostname_reject_code),
                      "5.5.2", text);
}

Answer Evaluation::reject_invalid_helo_hostname(const Restriction&) {
  if (Domain::parse(request_.helo)) return Answer::Undecided;
  return invalid_helo();
}

Answer Evaluation::reject_non_fqdn_helo_hostname(const Restriction&) {
  auto name = Domain::parse(request_.helo);
  if (name && is_fqdn(*name)) return Answer::Undecided;
  return refuse_about(Subject::Helo, static_cast<int>(settings_.non_fqdn_reject_code), "5.5.2",
                      "need fully-qualified hostname");
}

Answer Evaluation::reject_unknown_helo_hostname(const Restriction&) {
  auto name = Domain::parse(request_.helo);
  if (name && name->is_literal()) return Answer::Undecided;
  if (!name) return invalid_helo();
  auto found = tables_.mail_host(*name);
  if (!found) {
    return refuse_later(settings_.unknown_helo_hostname_tempfail_action, 450, "4.7.1",
                        about(Subject::Helo) + "Host not found");
  }
  if (*found != MailHost::None) return Answer::Undecided;
  return refuse_about(Subject::Helo, static_cast<int>(settings_.unknown_hostname_reject_code),
                      "4.7.1", "Host not found");
}

// The client.

/// Without the client's name in front: log filters know these words so.
Answer Evaluation::unknown_client(std::string_view status, const char* what) {
  int code = static_cast<int>(settings_.unknown_client_reject_code);
  if (request_.is_name_lookup_failed) code = 450;
  return refuse(code, status,
                "Client host rejected: cannot find your " + std::string(what) + ", [" +
                    request_.client_address + "]");
}

/// RFC 7372 section 3.
Answer Evaluation::reject_unknown_client_hostname(const Restriction&) {
  if (request_.client_name != "unknown") return Answer::Undecided;
  return unknown_client("4.7.25", "hostname");
}

Answer Evaluation::reject_unknown_reverse_client_hostname(const Restriction&) {
  if (request_.reverse_name != "unknown") return Answer::Undecided;
  return unknown_client("4.7.1", "reverse hostname");
}

Answer Evaluation::reject_plaintext_session(const Restriction&) {
  if (request_.is_encrypted) return Answer::Undecided;
  return refuse(static_cast<int>(settings_.plaintext_reject_code), "4.7.1",
                "Session encryption is required");
}

Answer Evaluation::reject_unauth_pipelining(const Restriction&) {
  if (!request_.is_pipelining_early) return Answer::Undecided;
  return refuse_about(subject_, 503, "5.5.0", "Improper use of SMTP command pipelining");
}

// Sender and recipient.

Answer Evaluation::non_fqdn_address(Subject subject, const std::string& text) {
  auto address = parsed(text);
  bool is_postmaster = !address.domain() && equal_nocase(address.local(), "postmaster");
  if (address.is_null() || is_postmaster) return Answer::Undecided;
  if (address.domain() && is_fqdn(*address.domain())) return Answer::Undecided;
  return refuse_about(subject, static_cast<int>(settings_.non_fqdn_reject_code), "5.5.2",
                      "need fully-qualified address");
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
  const char* status = subject == Subject::Sender ? "4.1.8" : "4.1.2";
  auto found = tables_.mail_host(*address.domain());
  if (!found) {
    return refuse_later(settings_.unknown_address_tempfail_action, 450, status,
                        about(subject) + "Domain not found");
  }
  switch (*found) {
    case MailHost::Found:
      return Answer::Undecided;
    case MailHost::None:
      break;
    case MailHost::NullMx: {
      // RFC 7505 section 4: a sender of such a domain could get no bounce.
      bool is_sender = subject == Subject::Sender;
      return refuse_about(subject, is_sender ? 550 : 556, is_sender ? "5.7.27" : "5.1.10",
                          "Domain " + address.domain()->text() + " does not accept mail (nullMX)");
    }
  }
  return refuse_about(subject, static_cast<int>(settings_.unknown_address_reject_code), status,
                      "Domain not found");
}

Answer Evaluation::reject_unknown_sender_domain(const Restriction&) {
  return unknown_domain(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_unknown_recipient_domain(const Restriction&) {
  return unknown_domain(Subject::Recipient, request_.recipient);
}

/// What the delivery would say, too: as quota_exceeded has it.
Answer Evaluation::full_mailbox() {
  auto is_full = tables_.is_full(parsed(request_.recipient));
  // The delivery finds out whatever this look-up can't tell.
  if (!is_full || !*is_full) return Answer::Undecided;
  const bool is_final = settings_.quota_exceeded == "reject";
  return refuse_about(Subject::Recipient, is_final ? 552 : 452, is_final ? "5.2.2" : "4.2.2",
                      settings_.quota_exceeded_message);
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
  if (status != "5.1.1") {
    return refuse_about(
        subject, 550,
        fitting_status(status, subject == Subject::Sender, subject == Subject::Recipient), reason);
  }
  return unknown_user(subject, *domain_class);
}

Answer Evaluation::unknown_user(Subject subject, DomainClass domain_class) {
  std::string reason = "User unknown";
  std::string_view table;
  std::uint64_t code = 550;
  if (domain_class == DomainClass::Local) {
    table = " in local recipient table";
    code = settings_.unknown_local_recipient_reject_code;
  } else if (domain_class == DomainClass::VirtualAlias) {
    table = " in virtual alias table";
    code = settings_.unknown_virtual_alias_reject_code;
  } else if (domain_class == DomainClass::Hosted) {
    table = " in virtual mailbox table";
    code = settings_.unknown_virtual_mailbox_reject_code;
  } else if (domain_class == DomainClass::Relay) {
    table = " in relay recipient table";
    code = settings_.unknown_relay_recipient_reject_code;
  }
  if (settings_.show_user_unknown_table_name) reason += table;
  return refuse_about(subject, static_cast<int>(code),
                      subject == Subject::Sender ? "5.1.0" : "5.1.1", reason);
}

Answer Evaluation::reject_unlisted_sender(const Restriction&) {
  return unlisted(Subject::Sender, request_.sender);
}

Answer Evaluation::reject_unlisted_recipient(const Restriction&) {
  return unlisted(Subject::Recipient, request_.recipient);
}

/// At RCPT the recipient asked about comes on top of those that the message has.
Answer Evaluation::reject_multi_recipient_bounce(const Restriction&) {
  bool is_at_rcpt = list_ < Subject::Data;
  if (!request_.sender.empty() || stage_ < Stage::Sender) return Answer::Undecided;
  if (request_.recipients + (is_at_rcpt ? 1 : 0) < 2) return Answer::Undecided;
  return refuse_about(subject_, static_cast<int>(settings_.multi_recipient_bounce_reject_code),
                      "5.5.3", "Multi-recipient bounce");
}

}  // namespace pennypost::smtp
