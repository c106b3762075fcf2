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
  std::string mail_location;  // expanded: maildir:/srv/mail/example.org/bob
  std::string quota;          // `storage=BYTES messages=NUMBER`, or empty
  template <class Archive>
  void fields(Archive& archive) {
    archive(name, is_system, uid, gid, home, mail_location, quota);
  }
};

}  // namespace pennypost::store
