// Opens the figures of the daemons that run on this host.
//
// SEE ALSO  ../metrics/figures_file.h
#pragma once

#include <string>
#include <vector>

#include "common/base/descriptor.h"

namespace pennypost {

struct OpenFigures {
  std::string daemon;
  Descriptor file;
};

/// Of smtpd, popd and imapd those that run; a file that can't be opened is left out.
std::vector<OpenFigures> open_figures(const std::string& base_dir);

}  // namespace pennypost
