// Makes the TLS contexts of a daemon from its settings, for the master and for `pennypost check`.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/tls/context.h"

namespace pennypost {

/// By the service's name.
using ServerContexts = std::map<std::string, std::shared_ptr<TlsContext>, std::less<>>;

/// Reads tls_server_sni_maps, which the rooms that know tables give; none: there are no names.
using ReadNames =
    std::function<Result<std::vector<TlsContext::NamedCertificate>>(const Config& config)>;

/// The contexts of the services of these kinds; a service without a certificate, or whose TLS is
/// turned off, has none. Errors name the setting's file and the remedy. `tickets` may be null.
Result<ServerContexts> server_contexts(const Config& config, const std::vector<Service>& services,
                                       const std::shared_ptr<TicketKeys>& tickets,
                                       const ReadNames& read_names = {});

/// The files that those contexts are made from.
std::vector<std::string> certificate_files(const Config& config,
                                           const std::vector<Service>& services,
                                           const ReadNames& read_names = {});

/// Those for next hops, by the settings of the host or of a transport; the verifying one only where
/// a setting asks for it.
Result<ClientContexts> client_contexts(const Settings& settings);
/// Those for LMTP servers: `smtp`, those for next hops, unless the lmtp_tls_ settings differ.
Result<ClientContexts> lmtp_contexts(const Config& config, const ClientContexts& smtp);

}  // namespace pennypost
