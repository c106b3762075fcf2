// Says what a session may know and change of the rights on mailboxes: GETACL, SETACL, MYRIGHTS,
// NAMESPACE.
//
// SEE ALSO   shared_store.h (which implements it), ../mailbox/mailbox.h (MailStore::sharing)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/mailbox.h"
#include "store/sharing/acl.h"

namespace pennypost::store {

/// A part of the names of mailboxes (RFC 2342).
struct Namespace {
  enum class Kind { Personal, OtherUsers };
  Kind kind;
  std::string prefix;  ///< in UTF-8, with the separator at its end; or empty
};

class Sharing {
 public:
  virtual ~Sharing() = default;

  /// Whether the account may share mailboxes, so that ACL is offered.
  virtual bool offers_acl() const = 0;
  /// Those that NAMESPACE tells of.
  virtual std::vector<Namespace> namespaces() const = 0;
  /// Whether it is a name of the account's own mailboxes, by which they are listed without more
  /// ado.
  virtual bool is_personal(const MailboxName& name) const = 0;

  /// The account that a name of another user's mailbox names as its owner, whether there is one or
  /// not; nothing for the account's own mailboxes.
  virtual std::optional<std::string> owner_of(const MailboxName& name) const = 0;

  /// What the session may do; NonExistent if it may not even ask that (RFC 4314 section 3.5).
  virtual Result<Rights> my_rights(const MailboxName& name) = 0;
  /// The list as GETACL shows it: with the owner under the name of the account. The right to
  /// administer is needed, as for the two that follow.
  virtual Result<Acl> acl(const MailboxName& name) = 0;
  virtual Result<void> change_acl(const MailboxName& name, const AclChange& change) = 0;
  /// Whether the identifier is the owner of the mailbox, who keeps the right to administer.
  virtual bool is_owner(const MailboxName& name, const Identifier& who) = 0;
  /// Error 550 where the change would be refused whatever it grants: for LISTRIGHTS.
  virtual Result<void> check_identifier(const MailboxName& name, const Identifier& who) = 0;
};

}  // namespace pennypost::store
