#include "common/tls/certificate_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <filesystem>
#include <system_error>

#include "common/base/owned.h"
#include "common/base/text.h"
#include "common/tls/errors.h"

namespace pennypost {
namespace {

constexpr int ca_files_max = 10'000;
constexpr int blocks_max = 1'000;  // of PEM in the files of one list

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;

/// Takes keys and chains as they come, and gives each pair to the context.
class ChainLoader {
 public:
  explicit ChainLoader(SSL_CTX* context) : context_(context) {}

  Result<void> read(const std::string& file) {
    Owned<BIO, BIO_free_all> bio(BIO_new_file(file.c_str(), "r"));
    if (!bio) return wrong(file, openssl_error() + "; it must be a readable PEM file");
    for (;;) {
      char* name = nullptr;
      char* header = nullptr;
      unsigned char* bytes = nullptr;
      long size = 0;
      if (PEM_read_bio(bio.get(), &name, &header, &bytes, &size) != 1) break;
      auto taken = ++blocks_ > blocks_max ? wrong(file, "has too many blocks")
                                          : take(file, name, bytes, size);
      OPENSSL_free(name);
      OPENSSL_free(header);
      OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));
      TRY_DO(std::move(taken));
    }
    bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!is_at_end) return wrong(file, openssl_error() + "; it must be a PEM file");
    ERR_clear_error();
    return {};
  }

  /// After the last file.
  Result<void> finish(const std::string& file) {
    TRY_DO(use(file));
    if (!has_any_) return wrong(file, "holds no key with a certificate behind it");
    return {};
  }

 private:
  static Error wrong(const std::string& file, const std::string& what) {
    return Error::permanent("certificates " + file + ": " + what);
  }

  Result<void> take(const std::string& file, std::string_view name, const unsigned char* bytes,
                    long size) {
    if (name == "CERTIFICATE" || name == "X509 CERTIFICATE") {
      Certificate certificate(d2i_X509(nullptr, &bytes, size));
      if (!certificate) return wrong(file, openssl_error());
      if (!key_) return wrong(file, "a certificate stands before its key; put the key first");
      chain_.push_back(std::move(certificate));
      return {};
    }
    if (name == "ENCRYPTED PRIVATE KEY") {
      return wrong(file, "the key has a passphrase; store it without");
    }
    if (!name.ends_with("PRIVATE KEY")) return {};  // as DH PARAMETERS
    TRY_DO(use(file));
    key_.reset(d2i_AutoPrivateKey(nullptr, &bytes, size));
    if (!key_) return wrong(file, "private key: " + openssl_error());
    return {};
  }

  /// Gives the key and the chain that was read behind it to the context.
  Result<void> use(const std::string& file) {
    if (!key_) return {};
    if (chain_.empty()) return wrong(file, "a key has no certificate behind it");
    Owned<STACK_OF(X509), free_stack> rest(sk_X509_new_null());
    for (std::size_t i = 1; i < chain_.size(); ++i) sk_X509_push(rest.get(), chain_[i].get());
    int used = SSL_CTX_use_cert_and_key(context_, chain_[0].get(), key_.get(), rest.get(), 1);
    chain_.clear();
    key_.reset();
    if (used != 1) return wrong(file, "a key does not belong to the certificate behind it");
    has_any_ = true;
    return {};
  }
  static void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }

  SSL_CTX* context_;
  Key key_;
  std::vector<Certificate> chain_;
  int blocks_ = 0;
  bool has_any_ = false;
};

Result<void> load_pair(SSL_CTX* context, const CertificateFiles& files) {
  const std::string& certificate_file = files.certificate_file;
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    return Error::permanent("certificate " + certificate_file + ": " + openssl_error() +
                            "; it must be a readable PEM file, the host's certificate first");
  }
  const auto& key_file = files.key_file.empty() ? certificate_file : files.key_file;
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    bool is_another = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH;
    std::string problem = openssl_error();
    if (is_another) {
      return Error::permanent("private key " + key_file + " does not belong to certificate " +
                              certificate_file + ", the first in its file");
    }
    return Error::permanent("private key " + key_file + ": " + problem +
                            "; it must be a readable PEM file without passphrase");
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return Error::permanent("private key " + key_file + " does not belong to certificate " +
                            certificate_file);
  }
  return {};
}

/// False when it holds none.
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

Result<void> load_certificates(SSL_CTX* context, const CertificateFiles& files) {
  // A daemon has nobody to ask for a passphrase, and a command must not.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  if (files.chain_files.empty()) return load_pair(context, files);
  ChainLoader loader(context);
  for (const auto& file : files.chain_files) {
    TRY_DO(loader.read(file));
  }
  return loader.finish(files.chain_files.back());
}

Result<void> load_authorities(SSL_CTX* context, const std::string& file,
                              const std::string& directory) {
  bool loaded = true;
  if (!file.empty()) loaded = SSL_CTX_load_verify_file(context, file.c_str()) == 1;
  if (!directory.empty()) loaded = loaded && load_directory(context, directory);
  if (!loaded) {
    return Error::permanent("CA certificates " + file + " " + directory + ": " + openssl_error());
  }
  ERR_clear_error();
  return {};
}

}  // namespace pennypost
