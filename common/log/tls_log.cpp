#include "common/log/tls_log.h"

#include "common/log/line.h"

namespace pennypost {

void log_tls_to(std::string_view component, const LogTls& tls) {
  std::string size = std::to_string(tls.bits);
  LineDraft line;
  line.value("trust", log_field(tls.trust)).words(" TLS connection established to ");
  line.value("relay", log_field(tls.target)).words(": ").value("protocol", log_field(tls.protocol));
  line.words(" with cipher ").value("cipher", log_field(tls.cipher));
  line.words(" (").words(size).words("/").value("bits", size, true).words(" bits)");
  if (!tls.details.empty()) line.words(" ").words(log_field(tls.details));
  line.write(component);
}

void log_certificate_problem(std::string_view component, std::string_view target,
                             std::string_view problem) {
  LineDraft line;
  line.words("certificate verification failed for ").value("relay", log_field(target));
  line.words(": ").value("reason", log_field(problem));
  line.write(component);
}

}  // namespace pennypost
