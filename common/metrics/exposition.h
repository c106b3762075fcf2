// Writes the figures of all daemons in the text form of OpenMetrics, which Prometheus reads.
//
// Every sample has the label `daemon`. Besides the rows of metrics.def it shows what is known
// without counting: the processes and their memory, the certificates and their end, since when a
// daemon runs, and which version.
//
// STANDARDS  OpenMetrics 1.0, text format
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/metrics/figures_file.h"

namespace pennypost::metrics {

/// A daemon that runs.
struct DaemonFigures {
  std::string daemon;
  FiguresView view;
};

/// The Content-Type of the text.
inline constexpr std::string_view content_type =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Ends with `# EOF`. Daemons that do not run are not mentioned.
std::string exposition(std::span<const DaemonFigures> daemons);

/// The names of all metric families: `pennypost_deliveries`, ...
std::vector<std::string> family_names();

}  // namespace pennypost::metrics
