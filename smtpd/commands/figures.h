// Prints the figures of all daemons (`pennypost status --metrics`), as metrics_port shows them.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "common/metrics/exposition.h"

namespace pennypost::smtp {

/// The figures of the daemons that run. A daemon whose figures can't be read is told on `err`.
std::vector<metrics::DaemonFigures> figures_of_host(const std::string& base_dir, std::ostream& err);

/// Exit status: 0, or 3 if no daemon runs.
int print_figures(const std::string& base_dir, std::ostream& out, std::ostream& err);

}  // namespace pennypost::smtp
