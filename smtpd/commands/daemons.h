// The daemons of Pennypost, with the services of each.
#pragma once

#include <string>
#include <vector>

#include "common/config/types.h"

namespace pennypost::smtp {

struct Daemon {
  std::string name;
  std::vector<Service> services;
};

/// All daemons, in the order in which they are started.
inline const std::vector<Daemon>& all_daemons() {
  static const std::vector<Daemon> all{
      {"smtpd", {Service::Smtp, Service::Submission, Service::Submissions}},
      {"popd", {Service::Pop3, Service::Pop3s}},
      {"imapd", {Service::Imap, Service::Imaps, Service::Sieve}}};
  return all;
}

}  // namespace pennypost::smtp
