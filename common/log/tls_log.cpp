#include "common/log/tls_log.h"

#include "common/log/log.h"

namespace pennypost {

void log_tls_to(std::string_view component, const LogTls& tls) {
  std::string size = std::to_string(tls.bits);
  std::string text = std::string(tls.trust) + " TLS connection established to " +
                     std::string(tls.target) + ": " + tls.protocol + " with cipher " + tls.cipher +
                     " (" + size + "/" + size + " bits)";
  if (!tls.details.empty()) text += " " + tls.details;
  log_info(component, text);
}

void log_certificate_problem(std::string_view component, std::string_view target,
                             std::string_view problem) {
  log_info(component, "certificate verification failed for " + std::string(target) + ": " +
                          std::string(problem));
}

}  // namespace pennypost
