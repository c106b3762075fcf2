// Turns off implicit-TLS ports that have no certificate, or reports them as errors.
#include <array>

#include "common/base/text.h"
#include "common/config/check.h"

namespace pennypost {
void check_implicit_tls(Layers& layers, Findings& findings) {
  struct Row {
    std::string_view port;
    Service service;
    std::string_view certificate;
  };
  constexpr std::array rows{Row{"submissions_port", Service::Submissions, "smtpd_tls_cert_file"},
                            Row{"pop3s_port", Service::Pop3s, "ssl_cert"},
                            Row{"imaps_port", Service::Imaps, "ssl_cert"}};
  for (const Row& row : rows) {
    std::string port = layers.value(row.port);
    // As in Dovecot: without TLS an implicit-TLS port can't be served.
    bool is_refused = row.service != Service::Submissions && layers.is_given("ssl", row.service) &&
                      layers.value("ssl", row.service) == "no";
    if (port != "0" && is_refused) {
      if (layers.is_given(row.port)) {
        findings.warnings.push_back(layers.where(row.port) + ": " + std::string(row.port) +
                                    ": closed, since ssl = \"no\"");
      }
      layers.turn_off(row.port);
      continue;
    }
    bool has_chains = row.service == Service::Submissions &&
                      !layers.value("smtpd_tls_chain_files", row.service).empty();
    bool has_certificate = has_chains || !layers.value(row.certificate, row.service).empty();
    if (port == "0" || has_certificate) continue;
    std::string text = layers.where(row.port) + ": " + std::string(row.port) + ": ";
    std::string remedy = "set " + std::string(row.certificate);
    if (layers.is_given(row.port)) {
      findings.errors.push_back(text + "this port speaks TLS and there is no certificate; " +
                                remedy + ", or write " + std::string(row.port) + " = 0");
    } else {
      bool mailbox = row.service != Service::Submissions;
      bool unused =
          mailbox &&
          layers.value("protocols").find(row.service == Service::Imaps ? "imap" : "pop3") ==
              std::string::npos;
      layers.turn_off(row.port);
      if (!unused)
        findings.warnings.push_back(text + "off, since there is no certificate; " + remedy);
    }
  }
}

}  // namespace pennypost
