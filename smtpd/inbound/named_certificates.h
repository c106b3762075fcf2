// Reads tls_server_sni_maps: which certificate is shown to a client that asks for a name.
//
//   mail.example.org    /etc/ssl/mail.example.org.key, /etc/ssl/mail.example.org.pem
//   .example.net        /etc/ssl/all.example.net.pem
//
// A value lists files as smtpd_tls_chain_files does. All are read when the daemon starts or
// reloads, while it may read keys; so the tables must be ones whose names can be listed.
//
// STANDARDS  RFC 6066 section 3 (server name indication), Postfix's tls_server_sni_maps
#pragma once

#include <vector>

#include "common/config/config.h"
#include "common/tls/context.h"

namespace pennypost::smtp {

inline constexpr std::size_t named_certificates_max = 10'000;

/// Error: a table of another type, or that can't be read; a value without a file.
Result<std::vector<TlsContext::NamedCertificate>> read_named_certificates(const Config& config);

}  // namespace pennypost::smtp
