// Looks at everything that the daemons will need, as the process that will need it, and says what
// is wrong before a daemon does.
//
// Tables are opened or their sources parsed, certificates and keys loaded and matched, ports tried,
// directories looked at, the settings of each own user read. As root, each of these happens in a
// process of the user that will do it: what root can read says nothing.
//
// SEE ALSO   ../../common/config/check.h (the settings themselves)
#pragma once

#include <string>
#include <vector>

#include "common/config/config.h"

namespace pennypost::smtp {

struct CheckedHost {
  std::string directory;             // of main.toml
  std::vector<std::string> daemons;  // that this host runs
  std::shared_ptr<const Config> config;
};

/// Why a daemon would not serve as the settings say, each `FILE:LINE: SETTING: …`. Changes nothing.
std::vector<std::string> find_problems(const CheckedHost& host);

/// What hinders mail, but no daemon in its start: postdrop's rights, main.toml's.
std::vector<std::string> find_install_problems(const CheckedHost& host);

}  // namespace pennypost::smtp
