// Reads and writes the fields of an own user's entry in the users map.
//
//   alice@example.org   home=/srv/alice quota_rule=*:storage=2G allow_nets=192.0.2.0/24 comment=…
//   @example.org        quota_rule=*:storage=1G
//
//   home             the home directory, absolute; unset: $virtual_mailbox_base/domain/name
//   mail             where the mail is, in the form of mail_location
//   quota_rule       a quota rule (../mailbox/quota_rules.h); may be repeated, one for each mailbox
//   imap_capability  capabilities that IMAP hides from this user: -NOTIFY,-QRESYNC
//   acl_groups       the groups whose rights the user has on other users' mailboxes, by commas
//   allow_nets       the networks from which the user may log in, by commas
//   admin            yes: may see and set the quota of all own users by IMAP
//   disabled         yes: no login; mail still arrives
//   comment          any text, to the end of the entry
//
// Fields are separated by blanks. The entry `@example.org` holds for each field, other than home,
// mail, admin and comment, what is so for all users of that domain whose own entries do not say
// otherwise.
//
// LIMITS  value_bytes_max
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store {

struct OwnUserFields {
  static constexpr std::size_t value_bytes_max = 2000;

  std::string home;
  std::string mail;
  std::string quota_rule;  ///< rules, separated by blanks
  std::string imap_capability;
  std::string acl_groups;
  std::string allow_nets;
  std::string admin;     ///< `yes`, `no`, or empty: no
  std::string disabled;  ///< `yes`, `no`, or empty: not said
  std::string comment;

  /// Error: an unknown field, or a value that is not valid for its field.
  static Result<OwnUserFields> parse(std::string_view value);
  std::string text() const;

  /// Sets one field by its name; an empty value removes it. The same errors.
  Result<void> set(std::string_view name, std::string_view value);
  /// Those that have a value, in the order of the entry.
  std::vector<std::pair<std::string_view, std::string>> all() const;
  /// Takes over what the domain's entry says and this one does not.
  void complete_by(const OwnUserFields& domain);
  /// Whether the entry of a domain may have them: no home, mail, admin or comment.
  bool suit_domain() const {
    return home.empty() && mail.empty() && admin.empty() && comment.empty();
  }

  bool is_admin() const { return admin == "yes"; }
  bool is_disabled() const { return disabled == "yes"; }
};

/// Whether an address is in one of the networks of `allow_nets`; true if that is empty.
bool is_allowed_from(std::string_view allow_nets, std::string_view address);

}  // namespace pennypost::store
