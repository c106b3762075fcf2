#include "smtpd/commands/figures.h"

#include <ostream>

#include "common/process/host_figures.h"
#include "smtpd/commands/exit_status.h"

namespace pennypost::smtp {

std::vector<metrics::DaemonFigures> figures_of_host(const std::string& base_dir,
                                                    std::ostream& err) {
  std::vector<metrics::DaemonFigures> daemons;
  for (const auto& [daemon, file] : open_figures(base_dir)) {
    auto view = metrics::FiguresView::map(file);
    if (view) {
      daemons.push_back({daemon, *std::move(view)});
    } else {
      err << daemon << ": " << view.error().text() << "\n";
    }
  }
  return daemons;
}

int print_figures(const std::string& base_dir, std::ostream& out, std::ostream& err) {
  auto daemons = figures_of_host(base_dir, err);
  if (daemons.empty()) {
    err << "no daemon runs; start them with: pennypost start\n";
    return ex_not_running;
  }
  out << metrics::exposition(daemons);
  return 0;
}

}  // namespace pennypost::smtp
