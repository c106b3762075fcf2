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
#include <filesystem>
#include <map>
#include <system_error>

#include "common/tls/errors.h"

namespace pennypost {
namespace {

Result<int> protocol_number(const std::string& name) {
  static const std::map<std::string, int> names{{"TLSv1", TLS1_VERSION},
                                                {"TLSv1.1", TLS1_1_VERSION},
                                                {"TLSv1.2", TLS1_2_VERSION},
                                                {"TLSv1.3", TLS1_3_VERSION}};
  auto found = names.find(name);
  if (found == names.end()) {
    return Error::permanent("unknown TLS protocol " + name + "; one of TLSv1.2, TLSv1.3");
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
Result<void> set_up(SSL_CTX* context, const std::string& minimum_protocol) {
  TRY(int minimum, protocol_number(minimum_protocol));
  SSL_CTX_set_min_proto_version(context, minimum);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Closing without close_notify counts as end of file, as usual in mail.
  SSL_CTX_set_options(
      context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  return {};
}

/// There is no session cache: it would keep secrets for a long time, and other processes could not
/// use it.
void set_up_sessions(SSL_CTX* context, const TlsContext::ServerSettings& settings) {
  static constexpr unsigned char session_context[] = "pennypost";
  SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, static_cast<long>(settings.ticket_lifetime.count()));
  if (settings.tickets) {
    settings.tickets->serve(context);
  } else {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
  }
}

constexpr const char* system_ca_file = "/etc/ssl/certs/ca-certificates.crt";  // Debian's
constexpr int ca_files_max = 10'000;

/// Loads all certificates in a directory now, since after a chroot it is not accessible. False if
/// it has none.
bool load_directory(SSL_CTX* context, const std::string& directory) {
  std::error_code failed;
  int files = 0;
  bool loaded = false;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failed)) {
    if (++files > ca_files_max) break;
    loaded = SSL_CTX_load_verify_file(context, entry.path().c_str()) == 1 || loaded;
  }
  return loaded;
}

}  // namespace

std::string openssl_error() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS error";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "TLS error " + std::to_string(code);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<TlsContext>> TlsContext::server(const ServerSettings& settings) {
  WipingFreed wiping;
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = made->context_;
  TRY_DO(set_up(context, settings.minimum_protocol));
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (!settings.cipher_list.empty() &&
      SSL_CTX_set_cipher_list(context, settings.cipher_list.c_str()) != 1) {
    return Error::permanent("no usable cipher in \"" + settings.cipher_list + "\"");
  }
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate_file.c_str()) != 1) {
    return Error::permanent("certificate " + settings.certificate_file + ": " + openssl_error() +
                            "; it must be a readable PEM file, the host's certificate first");
  }
  const auto& key_file = settings.key_file.empty() ? settings.certificate_file : settings.key_file;
  // A daemon can't ask for a passphrase, and a command must not.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    bool is_another = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH;
    std::string problem = openssl_error();
    if (is_another) {
      return Error::permanent("private key " + key_file + " does not belong to certificate " +
                              settings.certificate_file + ", the first in its file");
    }
    return Error::permanent("private key " + key_file + ": " + problem +
                            "; it must be a readable PEM file without passphrase");
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return Error::permanent("private key " + key_file + " does not belong to certificate " +
                            settings.certificate_file);
  }
  set_up_sessions(context, settings);
  made->tickets_ = settings.tickets;
  return made;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const ClientSettings& settings) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* context = made->context_;
  TRY_DO(set_up(context, settings.minimum_protocol));
  made->verifies_ = settings.verify;
  if (!settings.verify) return made;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  bool loaded = true;
  if (settings.ca_file.empty() && settings.ca_path.empty()) {
    loaded = SSL_CTX_load_verify_file(context, system_ca_file) == 1 ||
             SSL_CTX_set_default_verify_paths(context) == 1;
  } else {
    if (!settings.ca_file.empty()) {
      loaded = SSL_CTX_load_verify_file(context, settings.ca_file.c_str()) == 1;
    }
    if (!settings.ca_path.empty()) loaded = loaded && load_directory(context, settings.ca_path);
  }
  if (!loaded) {
    return Error::permanent("CA certificates " + settings.ca_file + " " + settings.ca_path + ": " +
                            openssl_error());
  }
  ERR_clear_error();
  return made;
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
