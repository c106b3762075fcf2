// Identifies an account between our processes: enough to find its mail and its uid.
#pragma once

#include <cstdint>
#include <string>

namespace pennypost::store {

struct AccountRef {
  std::string name;        // bob@example.org of an own user, bob of a system user
  bool is_system = false;  // if so, users of this look up uid and gid again
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string home;
  std::string mail_location;    // expanded: maildir:/srv/mail/example.org/bob
  std::string quota;            // quota rules (store/mailbox/quota_rules.h), or empty
  std::string imap_capability;  // what IMAP does not tell this user that it can; by commas
  std::string acl_groups;       // whose rights it has on shared mailboxes; by commas
  bool is_admin = false;        // may see and set the quota of all own users (RFC 9208)
  // Only auth asks these, so they are not sent.
  std::string allow_nets;
  bool is_disabled = false;

  template <class Archive>
  void fields(Archive& archive) {
    archive(name, is_system, uid, gid, home, mail_location, quota, imap_capability, acl_groups,
            is_admin);
  }
};

}  // namespace pennypost::store
