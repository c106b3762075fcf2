// Reads a host's Sendmail configuration, the files of /etc/mail, into a Migration.
//
//   sendmail.mc       settings (sendmail_settings.cpp)
//   access            access tables, relay_domains (sendmail_access.cpp)
//   virtusertable     virtual aliases (sendmail_virtusers.cpp)
//   local-host-names, relay-domains, mailertable, domaintable, genericstable, aliases,
//   trusted-users     lists and tables (sendmail_tables.cpp)
//
// sendmail.cf is not read: it is made from sendmail.mc. Whatever is not understood, or has no
// counterpart, is in Migration::unmatched().
//
// STANDARDS  none; Sendmail's cf/README
#pragma once

#include "common/base/result.h"
#include "smtpd/migration/migration.h"
#include "smtpd/migration/sendmail_site.h"

namespace pennypost::smtp {

/// Error: a file can't be read, or sendmail.mc can't be parsed.
Result<void> read_sendmail(const ReadSource& read, Migration& migration);

/// The parts of it, in the order in which they are called.
Result<void> read_sendmail_names(const SendmailSite& site);
Result<void> read_sendmail_access(const SendmailSite& site);
Result<void> read_sendmail_tables(const SendmailSite& site);
Result<void> read_sendmail_virtusers(const SendmailSite& site);
void read_sendmail_settings(const SendmailSite& site);

}  // namespace pennypost::smtp
