#include "common/session/client_identity.h"

namespace pennypost {
namespace {

// It is not looked at here.
constexpr const char* any_digest = "sha256";

}  // namespace

TlsFacts facts_of(const TlsStream& tls, const Settings& settings) {
  TlsFacts facts;
  facts.channel_binding = tls.channel_binding();
  auto shown = tls.peer_certificate(any_digest);
  if (!shown || !shown->is_trusted) return facts;
  facts.has_trusted_certificate = true;
  if (!settings.auth_ssl_username_from_cert) return facts;
  bool is_email = settings.ssl_cert_username_field == "emailAddress";
  facts.identity = is_email ? shown->email_address : shown->common_name;
  return facts;
}

}  // namespace pennypost
