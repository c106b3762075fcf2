// `pennypost check --stored`: says before an upgrade what this program would do with what is
// stored.
//
// For the queue, the tables, the lists of UIDs and the indexes of this host it tells which form
// they have, and whether the daemons of this version read them as they are, convert them at their
// next start, make them anew, or refuse them. It changes nothing, and the daemons may run. So:
// unpack the new version beside the old, run its `pennypost check --stored`, and only then install
// it.
#pragma once

#include <iosfwd>
#include <memory>

#include "common/config/config.h"

namespace pennypost::smtp {

/// One line for each stored thing, or each group of them. Returns 0, or 1 if something would be
/// refused or can't be read.
int check_stored(const std::shared_ptr<const Config>& config, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
