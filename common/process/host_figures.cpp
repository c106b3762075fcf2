#include "common/process/host_figures.h"

#include <fcntl.h>

#include "common/metrics/figures_file.h"
#include "common/process/pid_file.h"

namespace pennypost {

std::vector<OpenFigures> open_figures(const std::string& base_dir) {
  std::vector<OpenFigures> opened;
  for (const char* daemon : {"smtpd", "popd", "imapd"}) {
    // What a daemon that has ended left behind is of the past.
    if (!PidFile::running(base_dir, daemon)) continue;
    const std::string path = metrics::figures_path(base_dir, daemon);
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (file) opened.push_back({daemon, std::move(file)});
  }
  return opened;
}

}  // namespace pennypost
