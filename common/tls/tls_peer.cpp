// TlsStream's knowledge of the peer: what its certificate is worth, whose it is, and how the
// handshake went.
//
// SEE ALSO   server_demand.h (what is asked of a server)
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/tls/tls_stream.h"

namespace pennypost {
namespace {

/// ` (prime256v1)`, the number of bits where it has no curve, nothing where the type says all.
std::string key_text(EVP_PKEY* key) {
  std::string type = OBJ_nid2sn(EVP_PKEY_get_base_id(key));
  if (type == "id-ecPublicKey") {
    std::array<char, 80> group{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1) {
      return " (" + std::string(group.data()) + ")";
    }
  }
  if (type == "X25519" || type == "X448" || type == "ED25519" || type == "ED448") return "";
  return " (" + std::to_string(EVP_PKEY_get_bits(key)) + " bits)";
}

std::string exchange_name(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
      return "ECDHE";
    case EVP_PKEY_DH:
      return "DHE";
    default:
      return OBJ_nid2sn(EVP_PKEY_get_base_id(key));
  }
}

std::string signature_name(SSL* ssl, EVP_PKEY* key) {
  int nid = NID_undef;
  if (SSL_get_peer_signature_type_nid(ssl, &nid) == 1 && nid == EVP_PKEY_RSA_PSS) return "RSA-PSS";
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC:
      return "ECDSA";
    case EVP_PKEY_RSA:
      return "RSA";
    case EVP_PKEY_RSA_PSS:
      return "RSA-PSS";
    default:
      return OBJ_nid2ln(EVP_PKEY_get_base_id(key));
  }
}

std::string utf8_of(const ASN1_STRING* string) {
  unsigned char* text = nullptr;
  int size = ASN1_STRING_to_UTF8(&text, string);
  if (size < 0) return "";
  std::string result(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return result;
}

std::string entry_of(X509_NAME* name, int kind) {
  int at = X509_NAME_get_index_by_NID(name, kind, -1);
  return at < 0 ? "" : utf8_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

std::string common_name(X509_NAME* name) { return printable(entry_of(name, NID_commonName)); }

/// A text that was not meant to be one names nobody: a NUL in it would end it elsewhere.
std::string if_plain(std::string text) {
  return std::ranges::any_of(text, [](char c) { return is_control(c); }) ? "" : std::move(text);
}

/// RFC 5280 section 4.2.1.6: rfc822Name, else the subject's emailAddress.
std::string email_address(X509* certificate) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string found;
  for (int i = 0; found.empty() && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_EMAIL) found = utf8_of(name->d.rfc822Name);
  }
  GENERAL_NAMES_free(names);
  if (found.empty()) {
    found = entry_of(X509_get_subject_name(certificate), NID_pkcs9_emailAddress);
  }
  return found;
}

/// `0A:1B:…`, as OpenSSL's tools and Postfix write it.
std::string fingerprint_of(const unsigned char* bytes, std::size_t size, const EVP_MD* digest) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned sum_size = 0;
  if (EVP_Digest(bytes, size, sum.data(), &sum_size, digest, nullptr) != 1) return "";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (unsigned i = 0; i < sum_size; ++i) {
    if (i > 0) text += ':';
    text += digits[sum[i] >> 4];
    text += digits[sum[i] & 15];
  }
  return text;
}

}  // namespace

PeerTrust TlsStream::trust() const {
  if (SSL_get0_peer_certificate(ssl_) == nullptr) return PeerTrust::Anonymous;
  if (certificate_problem_ != X509_V_OK) return PeerTrust::Untrusted;
  // OpenSSL tells of the match only where nothing else is wrong.
  bool is_associated =
      !has_associations_ || is_other_name_ || SSL_get0_dane_authority(ssl_, nullptr, nullptr) >= 0;
  if (!is_associated || !context_->reports()) return PeerTrust::Untrusted;
  return needs_name_ && !is_other_name_ ? PeerTrust::Verified : PeerTrust::Trusted;
}

std::string TlsStream::certificate_problem() const {
  if (certificate_problem_ != X509_V_OK) return X509_verify_cert_error_string(certificate_problem_);
  return is_other_name_ ? "the certificate is for another name" : "";
}

int TlsStream::note_certificate(int is_good, X509_STORE_CTX* store) {
  if (is_good == 1) return 1;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
  int problem = X509_STORE_CTX_get_error(store);
  if (problem == X509_V_ERR_HOSTNAME_MISMATCH) {
    stream->is_other_name_ = true;
  } else if (stream->certificate_problem_ == X509_V_OK) {
    stream->certificate_problem_ = problem;
  }
  return 1;
}

std::string TlsStream::handshake_details() const {
  std::string text;
  EVP_PKEY* exchange = nullptr;
  if (SSL_get_peer_tmp_key(ssl_, &exchange) == 1) {
    text = "key-exchange " + exchange_name(exchange) + key_text(exchange);
    EVP_PKEY_free(exchange);
  }
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  EVP_PKEY* key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
  if (key != nullptr) {
    text += (text.empty() ? "" : " ");
    text += "server-signature " + signature_name(ssl_, key) + key_text(key);
    int digest = NID_undef;
    if (SSL_get_peer_signature_nid(ssl_, &digest) == 1 && digest != NID_undef) {
      text += " server-digest " + std::string(OBJ_nid2sn(digest));
    }
  }
  ERR_clear_error();
  return text;
}

std::optional<TlsStream::PeerCertificate> TlsStream::peer_certificate(
    const std::string& digest) const {
  if (SSL_is_server(ssl_) == 1 && !context_->asks_clients()) return std::nullopt;
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  EVP_MD* algorithm =
      certificate == nullptr ? nullptr : EVP_MD_fetch(nullptr, digest.c_str(), nullptr);
  if (algorithm == nullptr) return std::nullopt;
  PeerCertificate peer;
  peer.name = common_name(X509_get_subject_name(certificate));
  peer.issuer = common_name(X509_get_issuer_name(certificate));
  peer.is_trusted = SSL_get_verify_result(ssl_) == X509_V_OK;
  peer.common_name = if_plain(entry_of(X509_get_subject_name(certificate), NID_commonName));
  peer.email_address = if_plain(email_address(certificate));
  unsigned char* bytes = nullptr;
  int size = i2d_X509(certificate, &bytes);
  if (size > 0) peer.fingerprint = fingerprint_of(bytes, static_cast<std::size_t>(size), algorithm);
  OPENSSL_free(bytes);
  bytes = nullptr;
  size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size > 0) {
    peer.key_fingerprint = fingerprint_of(bytes, static_cast<std::size_t>(size), algorithm);
  }
  OPENSSL_free(bytes);
  EVP_MD_free(algorithm);
  return peer;
}

}  // namespace pennypost
