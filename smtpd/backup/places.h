// Names what belongs to a host and goes into its backup: settings, tables, keys, mail.
//
// That is the configuration's directory, the tables and files that settings name elsewhere,
// data_directory, and of each account its mail: of an own user the home as a whole, of a system
// user where mail_location leads, and in the home the files that deliveries read (.forward). What
// can be made again is left out: indexes, and what the daemons keep while they run. The queue is
// not named here: its owner makes a checkpoint of it.
//
// Blocks: for commands.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "smtpd/backup/manifest.h"
#include "store/accounts/account_ref.h"
#include "store/mailbox/location.h"

namespace pennypost::smtp {

/// The mail of one account.
struct MailPlace {
  store::AccountRef account;
  store::MailLocation location;
  std::vector<std::string> paths;  // a path below another one does no harm
};

struct HostPlaces {
  std::vector<std::string> settings;  // files and directories of the admin and of the daemons
  std::vector<MailPlace> mail;
  std::string rest;  // what is left of own users' mail: of users who are removed; may be empty
  std::vector<std::string> left_out;
  std::vector<std::string> problems;   // accounts whose mail can't be found: one line each
  std::vector<std::string> elsewhere;  // what is kept outside this host's files: one line each
};

/// Error: a table of accounts can't be read.
Result<HostPlaces> places_of(const std::shared_ptr<const Config>& config,
                             const std::string& config_directory);

/// The accounts that have mail here: all own users, and those of passwd who may have mail.
Result<std::vector<store::AccountRef>> all_accounts(const std::shared_ptr<const Config>& config);

/// The line for the list. Error: mail_location is wrong.
Result<MailPlace> mail_place(const store::AccountRef& account);
BackupAccount described(const MailPlace& place);

}  // namespace pennypost::smtp
