// Shows services and transports in the form of Postfix's master.cf, for `postconf -M`, -F and -P.
//
//   smtp       inet  n  -  y  -  -  smtpd
//   submission inet  n  -  y  -  -  smtpd
//       -o smtpd_timeout=60s
//   dovecot    unix  -  n  n  -  -  pipe
//       -o user=vmail
//
// The first column of a service is its name if it listens on the port of that name, else its port;
// of one on a Unix socket it is the path.
// The sections of main.toml hold what master.cf does, so nothing is changed here.
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::smtp {

/// One line of master.cf.
struct MasterEntry {
  struct Override {
    std::string name;
    std::string value;
  };
  std::string service;
  std::string type;  // inet, unix
  std::string chroot;
  std::string command;  // smtpd, smtpd (lmtp), popd, imapd; of a transport its kind
  std::vector<Override> overrides;

  std::string key() const { return service + "/" + type; }
};

/// The services that listen, then the transports: the built-in ones, and the admin's own.
std::vector<MasterEntry> master_entries(const LoadOptions& options, const Config& config);

/// Prints as -M, -F or -P what `names` ask for: nothing for all, else service, service/type, and
/// with -F and -P service/type/name. Error: a name that fits no entry.
Result<void> print_master_entries(char option, std::span<const std::string> names,
                                  const std::vector<MasterEntry>& entries, std::ostream& out);

}  // namespace pennypost::smtp
