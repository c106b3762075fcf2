// Decides whether a client may send this mail to this recipient: the restriction lists, the relay
// decision, and whether the recipient exists.
//
// All I/O is PolicyTables'. The lists are evaluated as Postfix does: from left to right until one
// item permits or refuses; a permit ends its own list only. A table that can't be read is
// 451 4.3.0, a DNS question without an answer a deferral of what is permitted else: neither ever
// refuses for good. After the lists a recipient in a domain of ours must exist, and its mailbox
// must not be known to be full.
//
// The relay decision: a destination is ours if its domain is final, a virtual alias domain or a
// relay domain, and its local part contains no further destination (user%dest@here, dest!user@here,
// "user@dest"@here); an address without a domain is in $myorigin. Any other destination requires a
// client in mynetworks, a login, or RELAY for this client in an access table.
//
// STANDARDS  RFC 5321 section 3.6 (relaying), Postfix access(5), SMTPD_ACCESS_README
// SEE ALSO   access.h (table keys and actions), messages.h (the requests)
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/config.h"
#include "common/config/policy_service.h"
#include "common/mail/address.h"
#include "smtpd/policy/messages.h"
#include "smtpd/queue/verify_messages.h"
#include "smtpd/routing/domain_class.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

/// Why mail to an address can only be returned.
struct Refusal {
  std::string status;  // enhanced status code, 5.x.x
  std::string text;
};

/// What DNS says of a domain as a place for mail.
enum class MailHost { Found, None, NullMx };

/// Hosts of a domain: its mail hosts, its name servers, or itself.
enum class ServerKind { Mx, Ns, Address };

/// One of them.
struct ServerHost {
  std::uint16_t preference = 0;  // of a mail host
  std::string name;
  std::vector<std::string> addresses;
  bool is_unknown = false;  // its addresses could not be found out now
};
struct Servers {
  std::vector<ServerHost> hosts;  // mail hosts by their preference
  bool is_implied = false;        // the domain has no MX record, and is its own mail host
};

/// The look-ups of an evaluation in tables, accounts and DNS, and at policy servers; they may
/// block. Every Error is temporary.
class PolicyTables {
 public:
  virtual ~PolicyTables() = default;

  /// The value of a key, which must be in lower case. Nothing if the table does not have it, or if
  /// the key is part of an address and the table has patterns.
  virtual Result<std::optional<std::string>> find(const TableRef& table, std::string_view key,
                                                  store::MapList::Key kind) = 0;
  virtual Result<DomainClass> classify(const Domain& domain) = 0;
  /// Why delivery would return mail to an address; nothing if it would not.
  virtual Result<std::optional<Refusal>> refusal(const MailAddress& address) = 0;
  /// Whether the mailbox of this address is known to be full; only a hint.
  virtual Result<bool> is_full(const MailAddress& address) = 0;
  /// Whether mail to this address ends in the mailbox of an own user who has a quota.
  virtual Result<bool> has_quota(const MailAddress& address) = 0;
  /// The name of the account in whose mailbox mail to this address ends; nothing where it ends in
  /// none of this host's, or in several.
  virtual Result<std::optional<std::string>> account_of(const MailAddress& address) = 0;
  /// Whether DNS has an MX, A or AAAA record for the domain.
  virtual Result<MailHost> mail_host(const Domain& domain) = 0;
  /// The A records of a name, as text, for block lists. Empty if there is no such name.
  virtual Result<std::vector<std::string>> ip4_addresses(std::string_view name) = 0;
  /// The first TXT record of a name; empty where there is none.
  virtual Result<std::string> text_record(std::string_view name) = 0;
  /// The hosts of a domain with their addresses. The name servers of a domain without any are those
  /// of the domain above it; the null MX is no host.
  virtual Result<Servers> servers(ServerKind kind, const std::string& domain) = 0;
  /// fast_flush_domains.
  virtual Result<bool> may_flush(const Domain& domain) = 0;
  /// Whether an address is one of this host's.
  virtual bool is_own_address(std::string_view address) = 0;
  /// The action that a policy server answers to a request (policy_request.h).
  virtual Result<std::string> policy_action(const PolicyService& service,
                                            const std::string& request) = 0;
  /// Whether the host that takes mail for an address takes this one.
  virtual Result<VerifyAddress::Verified> verified(const std::string& address) = 0;
};

using Verdict = CheckRecipient::Verdict;

/// Evaluates at RCPT the client, helo and sender restrictions (if smtpd_delay_reject), then the
/// relay and recipient restrictions, then whether the recipient exists. `settings` are those of the
/// request's service.
Verdict evaluate_recipient(const CheckRecipient& request, const Settings& settings,
                           PolicyTables& tables);

/// Evaluates one list (`smtpd_client_restrictions`, `smtpd_data_restrictions` …): at the stages
/// before RCPT if smtpd_delay_reject is off, at DATA, and at the end of data.
Verdict evaluate_restrictions(const CheckRestrictions& request, const Settings& settings,
                              PolicyTables& tables);

}  // namespace pennypost::smtp
