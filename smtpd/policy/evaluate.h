// Decides whether a client may send this mail to this recipient: the restriction lists, the relay
// decision, and whether the recipient exists.
//
// All I/O is PolicyTables'. The lists are evaluated as Postfix does: from left to
// right until one item permits or refuses; a permit ends its own list only. A look-up that fails is
// 451 4.3.0, never a refusal. After the lists a recipient in a domain of ours must exist, and its
// mailbox must not be known to be full.
//
// The relay decision: a destination is ours if its domain is final, a virtual alias domain or a
// relay domain, and its local part hides no other destination (user%dest@here, dest!user@here,
// "user@dest"@here); an address without a domain is in $myorigin. Every other destination needs a
// client of mynetworks, a login, or RELAY for this client in an access table.
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
#include "common/mail/address.h"
#include "smtpd/policy/messages.h"
#include "smtpd/routing/domain_class.h"
#include "store/maps/map.h"

namespace pennypost::smtp {

/// Why mail to an address can only be returned.
struct Refusal {
  std::string status;  // enhanced status code, 5.x.x
  std::string text;
};

/// What the evaluation asks of tables, accounts and DNS; may block. Every Error means: try later.
class PolicyTables {
 public:
  virtual ~PolicyTables() = default;

  /// The value of a key, which is in lower case; nothing when the table has no such key, or is one
  /// of patterns and the key a part of an address.
  virtual Result<std::optional<std::string>> find(const TableRef& table, std::string_view key,
                                                  store::MapList::Key kind) = 0;
  virtual Result<DomainClass> classify(const Domain& domain) = 0;
  /// Why mail to an address would be returned, as its delivery would find; nothing where it would
  /// not.
  virtual Result<std::optional<Refusal>> refusal(const MailAddress& address) = 0;
  /// Whether the mailbox of this address is known to have no room: a hint.
  virtual Result<bool> is_full(const MailAddress& address) = 0;
  /// Whether DNS has an MX, A or AAAA record for the domain.
  virtual Result<bool> takes_mail(const Domain& domain) = 0;
  /// The A records of a name, as text: for block lists. Empty when there is no such name.
  virtual Result<std::vector<std::string>> ip4_addresses(std::string_view name) = 0;
};

using Verdict = CheckRecipient::Verdict;

/// At RCPT: client, helo and sender restrictions (if smtpd_delay_reject), then relay and recipient
/// restrictions, then whether the recipient exists. `settings` are those of the request's service.
Verdict evaluate_recipient(const CheckRecipient& request, const Settings& settings,
                           PolicyTables& tables);

/// One list alone (`smtpd_client_restrictions`, `smtpd_data_restrictions` …): at the stages before
/// RCPT if smtpd_delay_reject is off, at DATA and at the end of data.
Verdict evaluate_restrictions(const CheckRestrictions& request, const Settings& settings,
                              PolicyTables& tables);

}  // namespace pennypost::smtp
