// Checks in advance everything that the daemons will need, as the user who will need it.
//
// Opens tables or parses their sources, loads certificates and keys and compares them, tries ports,
// checks directories, and reads the settings of each own (virtual) user. As root, each of these is
// done in a process of the user who will do it, since root can read everything.
//
// SEE ALSO   ../../common/config/check.h (the settings themselves)
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::smtp {

struct CheckedHost {
  std::string directory;             // of main.toml
  std::vector<std::string> daemons;  // which run on this host
  std::shared_ptr<const Config> config;
};

/// What would keep a daemon from serving as configured, each `FILE:LINE: SETTING: …`. Changes
/// nothing.
std::vector<std::string> find_problems(const CheckedHost& host);

/// What hinders mail but not the start of a daemon: the permissions of postdrop and main.toml, keys
/// that can't sign, scripts that can't be run.
std::vector<std::string> find_install_problems(const CheckedHost& host);

}  // namespace pennypost::smtp
