// One evaluation of restriction lists: what is asked about in, a Verdict out; inside policy only.
//
// Each restriction is a member function of its own name; find_row() is the table of them all.
//
// SEE ALSO   evaluate.h (the public side), access.h (keys and actions)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtpd/policy/evaluate.h"
#include "store/maps/address_lookup.h"

namespace pennypost::smtp {

/// What a refusal is about: its first words.
enum class Subject { Client, Helo, Sender, Recipient, Data, EndOfData };

/// What one item or list says.
enum class Answer { Undecided, Permit, Refuse };

class Evaluation {
 public:
  Evaluation(const CheckRecipient& request, const Settings& settings, PolicyTables& tables)
      : request_(request), settings_(settings), tables_(tables) {
    verdict_.status = "2.1.5";
    verdict_.text = "Ok";
    verdict_.may_relay = request.may_relay;
  }

  Verdict recipient();
  Verdict restrictions(std::string_view parameter);

 private:
  using Item = Answer (Evaluation::*)(const Restriction&);
  struct Row {
    std::string_view name;
    Item item;
  };
  static const Row* find_row(std::string_view name);

  Answer list(Subject subject, const std::vector<Restriction>& restrictions);
  Answer items(const std::vector<Restriction>& restrictions);
  Verdict finish(Answer answer);

  // Refusals. `text` follows the subject: `<bob@example.org>: Recipient address rejected: text`.
  Answer refuse(int code, std::string_view status, std::string text);
  Answer refuse_about(Subject subject, int code, std::string_view status, std::string_view text);
  Answer look_up_failed(Subject subject);
  std::string about(Subject subject) const;

  // The items, in the order of their names.
  Answer check_access(const Restriction& restriction);
  Answer check_client_access(const Restriction& restriction);
  Answer check_helo_access(const Restriction& restriction);
  Answer check_recipient_access(const Restriction& restriction);
  Answer check_sasl_access(const Restriction& restriction);
  Answer check_sender_access(const Restriction& restriction);
  Answer defer(const Restriction& restriction);
  Answer defer_if_permit(const Restriction& restriction);
  Answer defer_if_reject(const Restriction& restriction);
  Answer defer_unauth_destination(const Restriction& restriction);
  Answer permit(const Restriction& restriction);
  Answer permit_auth_destination(const Restriction& restriction);
  Answer permit_inet_interfaces(const Restriction& restriction);
  Answer permit_mynetworks(const Restriction& restriction);
  Answer permit_sasl_authenticated(const Restriction& restriction);
  Answer reject(const Restriction& restriction);
  Answer reject_authenticated_sender_login_mismatch(const Restriction& restriction);
  Answer reject_invalid_helo_hostname(const Restriction& restriction);
  Answer reject_multi_recipient_bounce(const Restriction& restriction);
  Answer reject_non_fqdn_helo_hostname(const Restriction& restriction);
  Answer reject_non_fqdn_recipient(const Restriction& restriction);
  Answer reject_non_fqdn_sender(const Restriction& restriction);
  Answer reject_plaintext_session(const Restriction& restriction);
  Answer reject_rbl_client(const Restriction& restriction);
  Answer reject_rhsbl_client(const Restriction& restriction);
  Answer reject_rhsbl_helo(const Restriction& restriction);
  Answer reject_rhsbl_sender(const Restriction& restriction);
  Answer reject_sender_login_mismatch(const Restriction& restriction);
  Answer reject_unauth_destination(const Restriction& restriction);
  Answer reject_unauth_pipelining(const Restriction& restriction);
  Answer reject_unauthenticated_sender_login_mismatch(const Restriction& restriction);
  Answer reject_unknown_client_hostname(const Restriction& restriction);
  Answer reject_unknown_helo_hostname(const Restriction& restriction);
  Answer reject_unknown_recipient_domain(const Restriction& restriction);
  Answer reject_unknown_reverse_client_hostname(const Restriction& restriction);
  Answer reject_unknown_sender_domain(const Restriction& restriction);
  Answer reject_unlisted_recipient(const Restriction& restriction);
  Answer reject_unlisted_sender(const Restriction& restriction);

  // What the items are made of.
  enum class Destination { Ours, Foreign, Unknown };
  Destination destination();
  Result<bool> is_in_table(std::string_view reference);
  bool hides_destination(const MailAddress& address) const;
  MailAddress completed(const std::string& text) const;
  Answer access(Subject subject, const Restriction& restriction,
                const std::vector<store::LookupKey>& keys);
  Answer act(Subject subject, const std::string& value);
  Answer unlisted(Subject subject, const std::string& text);
  Answer unknown_user(Subject subject, DomainClass domain_class);
  Answer full_mailbox();
  Answer unknown_domain(Subject subject, const std::string& text);
  Answer non_fqdn_address(Subject subject, const std::string& text);
  Answer block_list(std::string_view name, const std::string& zone, const std::string& shown);
  /// Nothing when the sender is in no table; else whether this login may use it.
  Result<std::optional<bool>> owns_sender();
  store::Parents parents() const;
  std::vector<store::LookupKey> mail_keys(const std::string& text) const;

  const CheckRecipient& request_;
  const Settings& settings_;
  PolicyTables& tables_;
  Verdict verdict_;
  Subject subject_ = Subject::Recipient;
  int depth_ = 0;
  bool warn_only_ = false;  // the next refusal is a log line: warn_if_reject
  std::string defer_if_permit_;
  std::string defer_if_reject_;
};

/// An address that a session has taken already.
MailAddress parsed(const std::string& text);

}  // namespace pennypost::smtp
