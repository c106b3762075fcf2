#include "common/tls/context.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "common/base/text.h"
#include "common/tls/errors.h"
#include "common/tls/tls_stream.h"

namespace pennypost {
namespace {

Result<int> protocol_number(std::string_view name) {
  static const std::map<std::string_view, int> names{{"TLSv1", TLS1_VERSION},
                                                     {"TLSv1.1", TLS1_1_VERSION},
                                                     {"TLSv1.2", TLS1_2_VERSION},
                                                     {"TLSv1.3", TLS1_3_VERSION}};
  auto found = names.find(name);
  if (found == names.end()) {
    return Error::permanent("unknown TLS protocol " + std::string(name) +
                            "; one of TLSv1.2, TLSv1.3");
  }
  return found->second;
}

/// While one exists, memory is wiped before OpenSSL frees it. Otherwise decoding a private key
/// would leave copies of it in freed memory, which every child of the master would inherit.
class WipingFreed {
 public:
  WipingFreed() { is_on = is_installed; }
  WipingFreed(const WipingFreed&) = delete;
  WipingFreed& operator=(const WipingFreed&) = delete;
  ~WipingFreed() { is_on = false; }

 private:
  static void wipe(void* memory) {
    if (is_on && memory != nullptr) OPENSSL_cleanse(memory, malloc_usable_size(memory));
  }
  static void* allocate(std::size_t size, const char*, int) { return std::malloc(size); }
  static void release(void* memory, const char*, int) {
    wipe(memory);
    std::free(memory);
  }
  static void* resize(void* memory, std::size_t size, const char*, int) {
    if (!is_on || memory == nullptr) return std::realloc(memory, size);
    void* larger = std::malloc(size);
    if (larger == nullptr) return nullptr;
    std::memcpy(larger, memory, std::min(size, malloc_usable_size(memory)));
    wipe(memory);
    std::free(memory);
    return larger;
  }
  // OpenSSL accepts them only before its first allocation.
  static const bool is_installed;
  static bool is_on;
};
bool WipingFreed::is_on = false;
const bool WipingFreed::is_installed = CRYPTO_set_mem_functions(allocate, resize, release) == 1;

/// The common settings of both kinds of context.
Result<void> set_up(SSL_CTX* context, const TlsVersions& versions, const std::string& cipher_list) {
  TRY(int minimum, protocol_number(versions.lowest()));
  TRY(int maximum, protocol_number(versions.highest()));
  SSL_CTX_set_min_proto_version(context, minimum);
  SSL_CTX_set_max_proto_version(context, maximum);
  for (auto hole : versions.holes()) {
    if (hole == "TLSv1.1") SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_1);
    if (hole == "TLSv1.2") SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_2);
  }
  if (!cipher_list.empty() && SSL_CTX_set_cipher_list(context, cipher_list.c_str()) != 1) {
    return Error::permanent("no usable cipher in \"" + cipher_list + "\"");
  }
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Closing without close_notify counts as end of file, as usual in mail.
  SSL_CTX_set_options(
      context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  return {};
}

/// The certificate is looked at after the handshake: one that is not trusted is as good as none, or
/// known by its fingerprint.
Result<void> ask_clients(SSL_CTX* context, const TlsContext::ClientCertificates& clients) {
  TRY_DO(load_authorities(context, clients.ca_file, clients.ca_path));
  if (!clients.ca_file.empty()) {
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(clients.ca_file.c_str()));
    ERR_clear_error();
  }
  int mode = SSL_VERIFY_PEER | (clients.are_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
  SSL_CTX_set_verify(context, mode, [](int, X509_STORE_CTX*) { return 1; });
  SSL_CTX_set_verify_depth(context, clients.depth_max);
  return {};
}

/// Whoever resumes a session brings the certificate, and what was thought of it, along: so a ticket
/// counts only where the same authorities are trusted.
std::string session_context_of(const TlsContext::ClientCertificates& clients) {
  if (!clients.are_asked) return "pennypost";
  std::string trusted =
      clients.ca_file + "\n" + clients.ca_path + "\n" + std::to_string(clients.depth_max);
  std::string digest(SSL_MAX_SID_CTX_LENGTH, '\0');
  unsigned size = 0;
  int status =
      EVP_Digest(trusted.data(), trusted.size(), reinterpret_cast<unsigned char*>(digest.data()),
                 &size, EVP_sha256(), nullptr);
  ASSERT(status == 1 && size == digest.size());
  return digest;
}

/// There is no session cache: it would keep secrets for a long time, and other processes could not
/// use it.
void set_up_sessions(SSL_CTX* context, const TlsContext::ServerSettings& settings) {
  std::string session_context = session_context_of(settings.clients);
  SSL_CTX_set_session_id_context(context,
                                 reinterpret_cast<const unsigned char*>(session_context.data()),
                                 static_cast<unsigned>(session_context.size()));
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, static_cast<long>(settings.ticket_lifetime.count()));
  if (settings.tickets) {
    settings.tickets->serve(context);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  }
}

/// For clients that judge a server's certificate themselves: DANE is prepared, and what is wrong
/// with the certificate is noted instead of ending the handshake.
void report_only(SSL_CTX* context) {
  SSL_CTX_dane_enable(context);
  SSL_CTX_dane_set_flags(context, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, TlsStream::note_certificate);
}

constexpr const char* system_ca_file = "/etc/ssl/certs/ca-certificates.crt";  // Debian's
/// What a client asks for by SNI (RFC 6066 section 3).
int choose_certificate(SSL* ssl, int*, void* context) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  TlsContext* named = static_cast<TlsContext*>(context)->named(lower(name));
  if (named == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(ssl, named->native());
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::string openssl_error() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS error";
  const char* reason = ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  return ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code))
                                : "TLS error " + std::to_string(code);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<TlsContext>> TlsContext::server(const ServerSettings& settings) {
  WipingFreed wiping;
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = made->context_;
  TRY_DO(set_up(context, settings.versions, settings.cipher_list));
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  TRY_DO(load_certificates(context, settings.certificate));
  if (settings.clients.are_asked) {
    TRY_DO(ask_clients(context, settings.clients));
  }
  made->asks_clients_ = settings.clients.are_asked;
  for (const auto& one : settings.named) {
    ServerSettings other = settings;
    other.named.clear();
    other.certificate = CertificateFiles{{}, {}, one.chain_files};
    TRY(made->named_[lower(one.name)], server(other));
  }
  if (!made->named_.empty()) {
    SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(context, made.get());
  }
  set_up_sessions(context, settings);
  made->tickets_ = settings.tickets;
  return made;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const ClientSettings& settings) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* context = made->context_;
  TRY_DO(set_up(context, settings.versions, settings.cipher_list));
  if (!settings.certificate.empty()) {
    TRY_DO(load_certificates(context, settings.certificate));
  }
  made->verifies_ = settings.verify && !settings.is_report_only;
  made->reports_ = settings.is_report_only;
  if (made->verifies_) SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (made->reports_) report_only(context);
  bool has_authorities = !settings.ca_file.empty() || !settings.ca_path.empty();
  if (!settings.verify && !(made->reports_ && has_authorities)) return made;
  if (has_authorities) {
    TRY_DO(load_authorities(context, settings.ca_file, settings.ca_path));
    return made;
  }
  bool loaded = SSL_CTX_load_verify_file(context, system_ca_file) == 1 ||
                SSL_CTX_set_default_verify_paths(context) == 1;
  if (!loaded) return Error::permanent("the system's CA certificates: " + openssl_error());
  ERR_clear_error();
  return made;
}

/// As Postfix's tls_server_sni_maps: the name, then `.parent` for each domain above it.
std::optional<std::int64_t> TlsContext::certificate_end() const {
  const X509* certificate = SSL_CTX_get0_certificate(context_);
  std::tm end{};
  bool is_known =
      certificate != nullptr && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1;
  if (!is_known) return std::nullopt;
  return timegm(&end);
}

TlsContext* TlsContext::named(std::string_view name) const {
  auto found = named_.find(name);
  for (auto dot = name.find('.'); found == named_.end() && dot != name.npos;
       dot = name.find('.', dot + 1)) {
    found = named_.find(name.substr(dot));
  }
  return found == named_.end() ? nullptr : found->second.get();
}

void TlsContext::prepare_for_chroot() {
  unsigned char byte;
  RAND_bytes(&byte, 1);
  SSL_CTX_free(SSL_CTX_new(TLS_method()));
  for (const char* digest : {"SHA256", "SHA384", "SHA512", "SHA1", "MD5"}) {
    EVP_MD_free(EVP_MD_fetch(nullptr, digest, nullptr));
  }
  EVP_CIPHER_free(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  EVP_MAC_free(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  ERR_clear_error();
}

}  // namespace pennypost
