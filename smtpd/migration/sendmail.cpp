#include "smtpd/migration/sendmail.h"

namespace pennypost::smtp {

Result<void> read_sendmail(const ReadSource& read, Migration& migration) {
  TRY(auto site, SendmailSite::read(read, migration));
  if (!site.has("nullclient")) {
    TRY_DO(read_sendmail_names(site));
    TRY_DO(read_sendmail_access(site));
    TRY_DO(read_sendmail_tables(site));
    TRY_DO(read_sendmail_virtusers(site));
  }
  read_sendmail_settings(site);
  return {};
}

}  // namespace pennypost::smtp
