#include "common/tls/server_demand.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "common/base/text.h"
#include "common/tls/context.h"
#include "common/tls/errors.h"

namespace pennypost {
namespace {

constexpr std::uint8_t trust_anchor = 2;  // RFC 7218: DANE-TA
constexpr std::uint8_t end_entity = 3;    // DANE-EE
constexpr std::uint8_t whole_certificate = 0;
constexpr std::uint8_t public_key = 1;
constexpr std::uint8_t no_digest = 0;

int add(SSL* connection, const CertificateAssociation& one) {
  return SSL_dane_tlsa_add(connection, one.usage, one.selector, one.matching,
                           reinterpret_cast<const unsigned char*>(one.data.data()),
                           one.data.size());
}

void set_versions(SSL* connection, const TlsVersions& versions) {
  constexpr int numbers[]{TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
  constexpr std::uint64_t bans[]{SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1, SSL_OP_NO_TLSv1_2,
                                 SSL_OP_NO_TLSv1_3};
  SSL_clear_options(connection, bans[0] | bans[1] | bans[2] | bans[3]);
  for (std::size_t i = 0; i < TlsVersions::names.size(); ++i) {
    auto name = TlsVersions::names[i];
    if (name == versions.lowest()) SSL_set_min_proto_version(connection, numbers[i]);
    if (name == versions.highest()) SSL_set_max_proto_version(connection, numbers[i]);
    for (auto hole : versions.holes()) {
      if (name == hole) SSL_set_options(connection, bans[i]);
    }
  }
}

/// RFC 7672 section 3.1.1: the name in a certificate that a DANE-EE record names is of no account.
void use_associations(SSL* connection, const ServerDemand& demand) {
  std::string base = demand.names.empty() ? demand.server_name : demand.names.front();
  if (SSL_dane_enable(connection, base.c_str()) != 1) return;
  SSL_dane_set_flags(connection, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  std::size_t count = std::min(demand.associations.size(), tlsa_records_max);
  for (std::size_t i = 0; i < count; ++i) add(connection, demand.associations[i]);
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  int size = i2d_X509(certificate, &bytes);
  std::string der(reinterpret_cast<char*>(bytes), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(bytes);
  return der;
}

std::string der_of(EVP_PKEY* key) {
  unsigned char* bytes = nullptr;
  int size = i2d_PUBKEY(key, &bytes);
  std::string der(reinterpret_cast<char*>(bytes), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(bytes);
  return der;
}

/// One block of a PEM file as a trust anchor; nothing if it can't be read.
std::optional<CertificateAssociation> anchor_of(std::string_view block) {
  std::unique_ptr<BIO, int (*)(BIO*)> bio(
      BIO_new_mem_buf(block.data(), static_cast<int>(block.size())), BIO_free);
  CertificateAssociation anchor{trust_anchor, whole_certificate, no_digest, {}};
  if (block.starts_with("-----BEGIN PUBLIC KEY-----")) {
    EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr);
    if (key == nullptr) return std::nullopt;
    anchor.selector = public_key;
    anchor.data = der_of(key);
    EVP_PKEY_free(key);
  } else {
    X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
    if (certificate == nullptr) return std::nullopt;
    anchor.data = der_of(certificate);
    X509_free(certificate);
  }
  return anchor;
}

}  // namespace

std::string_view name_of(PeerTrust trust) {
  switch (trust) {
    case PeerTrust::Anonymous:
      return "Anonymous";
    case PeerTrust::Untrusted:
      return "Untrusted";
    case PeerTrust::Trusted:
      return "Trusted";
    case PeerTrust::Verified:
      return "Verified";
  }
  return "?";
}

Result<void> apply(const ServerDemand& demand, SSL* connection) {
  ERR_clear_error();
  if (demand.versions) set_versions(connection, *demand.versions);
  if (!demand.cipher_list.empty() &&
      SSL_set_cipher_list(connection, demand.cipher_list.c_str()) != 1) {
    ERR_clear_error();
    return Error::permanent("no usable cipher in \"" + demand.cipher_list + "\"");
  }
  if (!demand.server_name.empty()) {
    SSL_set_tlsext_host_name(connection, demand.server_name.c_str());
  }
  SSL_set_verify_depth(connection, demand.depth_max);
  if (!demand.associations.empty()) use_associations(connection, demand);
  if (!demand.names.empty()) {
    SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(connection, demand.names.front().c_str());
    for (std::size_t i = 1; i < demand.names.size(); ++i) {
      SSL_add1_host(connection, demand.names[i].c_str());
    }
  }
  ERR_clear_error();
  return {};
}

bool is_usable(const CertificateAssociation& association) {
  if (association.usage != trust_anchor && association.usage != end_entity) return false;
  // OpenSSL judges selector, digest and data when a record is added to a connection.
  static const auto context = [] {
    TlsContext::ClientSettings settings;
    settings.is_report_only = true;
    return TlsContext::client(settings);
  }();
  if (!context) return false;
  std::unique_ptr<SSL, void (*)(SSL*)> probe(SSL_new((*context)->native()), SSL_free);
  bool is_taken =
      SSL_dane_enable(probe.get(), "localhost") == 1 && add(probe.get(), association) == 1;
  ERR_clear_error();
  return is_taken;
}

Result<std::vector<CertificateAssociation>> trust_anchors(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN ";
  std::vector<CertificateAssociation> anchors;
  for (auto at = pem.find(begin); at != pem.npos; at = pem.find(begin, at + begin.size())) {
    auto block = pem.substr(at);
    bool is_anchor = block.starts_with("-----BEGIN CERTIFICATE-----") ||
                     block.starts_with("-----BEGIN PUBLIC KEY-----");
    if (!is_anchor) continue;
    if (anchors.size() == trust_anchors_max) {
      return Error::permanent("more than " + std::to_string(trust_anchors_max) + " trust anchors");
    }
    auto anchor = anchor_of(block);
    ERR_clear_error();
    if (!anchor) {
      return Error::permanent("trust anchor " + std::to_string(anchors.size() + 1) +
                              " is no certificate or public key in PEM");
    }
    anchors.push_back(*std::move(anchor));
  }
  if (anchors.empty()) return Error::permanent("no certificate or public key in PEM");
  return anchors;
}

}  // namespace pennypost
