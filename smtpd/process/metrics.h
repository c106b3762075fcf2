// The body of the `metrics` process: shows the figures of all daemons of this host over HTTP, and
// tells mail clients their settings, for a web server that passes on what they ask.
//
// It is smtpd's, since smtpd runs in every role, and one address for all daemons is what whoever
// collects figures wants. It opens no file: the master gives it the listening socket, and at each
// request the files with the figures (a daemon may have been restarted since the last).
//
// STANDARDS  OpenMetrics 1.0
// SEE ALSO   ../../common/metrics/exposition.h, ../http/server.h
#pragma once

#include "common/process/child.h"
#include "common/process/master.h"

namespace pennypost::smtp {

/// metrics -> master: the socket on which to listen, the answer's only descriptor.
struct AskMetricsSocket {
  static constexpr std::uint16_t type = 180;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// metrics -> master: the files with the figures of the daemons that run; a descriptor for each
/// name.
struct AskFigures {
  static constexpr std::uint16_t type = 181;
  struct Names {
    std::vector<std::string> names;
    template <class Archive>
    void fields(Archive& archive) {
      archive(names);
    }
  };
  using Reply = Names;
  template <class Archive>
  void fields(Archive&) {}
};

/// The master's part.
class MetricsDesk {
 public:
  /// Before a configuration comes into force: whether its metrics_port can be had. Error: it can't.
  Result<void> try_port(const Config& config) const;
  /// For `asks_master` in the row of the process table.
  void serve(Master& master, Services& services);

 private:
  Task<Result<RawReply>> give_socket(std::shared_ptr<const Config> config);
  std::string endpoint_;  // of the socket; empty: none
  Descriptor socket_;
};

void run_metrics(Child& child);

}  // namespace pennypost::smtp
