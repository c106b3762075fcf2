// Tells who a TLS client is by its certificate, for SASL EXTERNAL.
//
// STANDARDS  RFC 4422 appendix A
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/tls/tls_stream.h"

namespace pennypost {

/// What a login depends on of a client's TLS connection, as far as other processes must know it.
struct TlsFacts {
  std::string channel_binding;  // TlsStream::channel_binding()
  /// The login that the client's certificate names (ssl_cert_username_field), if the authorities of
  /// the settings vouch for it; empty where there is none, or where certificates name nobody
  /// (auth_ssl_username_from_cert).
  std::string identity;
  /// The client has shown a certificate that the authorities of the settings vouch for.
  bool has_trusted_certificate = false;
  template <class Archive>
  void fields(Archive& archive) {
    archive(channel_binding, identity, has_trusted_certificate);
  }
};

/// After the handshake.
TlsFacts facts_of(const TlsStream& tls, const Settings& settings);

}  // namespace pennypost
