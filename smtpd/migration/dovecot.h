// Reads a host's Dovecot 2.3 configuration into a Migration.
//
//   mail_location, home of userdb   virtual_mail_location with absolute paths, mail_location
//   passdb passwd-file              tables users and credentials (dovecot_users.cpp)
//   passdb pam, shadow, passwd      system_users
//   namespace with inbox = yes      namespace_prefix, namespace_separator, imap_special_use
//   plugin quota_rule               quota_rule
//   imap_*, pop3_*, auth_*, ssl_*   settings of the same names
//
// What concerns only how Dovecot's processes work is left out without a word; whatever else has no
// counterpart is in Migration::unmatched().
//
// SEE ALSO   dovecot_file.h (the notation), postfix.h (the same host's smtpd)
#pragma once

#include "smtpd/migration/dovecot_file.h"
#include "smtpd/migration/migration.h"

namespace pennypost::smtp {

/// `path`: dovecot.conf, or the output of `doveconf -n`. Error: a file can't be read or understood.
Result<void> read_dovecot(const std::string& path, const DovecotFiles& files, Migration& migration);

/// The users of a passwd-file: `user:{SCHEME}password:uid:gid:gecos:home:shell:extra fields`, to
/// the tables users and credentials.
struct PasswdFile {
  std::string path;
  std::string text;
  std::string scheme;         // of passwords that do not name theirs
  std::string home;           // with %u, %n and %d, of users whose line has none
  bool has_passwords = true;  // else it is only a userdb
};
void read_passwd_file(const PasswdFile& file, Migration& migration);

}  // namespace pennypost::smtp
