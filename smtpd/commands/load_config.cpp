#include "smtpd/commands/load_config.h"

#include <ostream>

namespace pennypost::smtp {

std::shared_ptr<const Config> load_config(const LoadOptions& options, std::ostream& err) {
  auto config = Config::load(options);
  if (config) return *std::move(config);
  err << config.error().text() << '\n';
  return nullptr;
}

}  // namespace pennypost::smtp
