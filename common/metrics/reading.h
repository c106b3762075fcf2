// Reads single figures of a daemon, for programs that show them in another form than Prometheus'.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/metrics/layout.h"

namespace pennypost::metrics {

/// A counter, or the sum over all values of a label that is not given.
std::uint64_t read_counter(const Page& page, Metric metric, std::string_view first = {},
                           std::string_view second = {});
/// The same of a gauge, over all processes.
std::int64_t read_gauge(const Page& page, Metric metric, std::string_view first = {});

struct ProcessFigures {
  std::size_t count = 0;
  std::uint64_t resident_bytes = 0;
};
ProcessFigures read_processes(const Page& page);

}  // namespace pennypost::metrics
