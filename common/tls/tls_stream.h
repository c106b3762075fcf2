// Implements TLS over any Stream.
//
// The stream below is accessed through our own BIO, so TLS works over sockets and over a test's
// memory alike. Buffers are released while idle: an idle connection uses about 15 KB.
#pragma once

#include <memory>
#include <string>

#include "common/net/stream.h"
#include "common/tls/context.h"
#include "common/tls/server_demand.h"

struct ssl_st;
struct x509_store_ctx_st;

namespace pennypost {

class TlsStream final : public Stream {
 public:
  /// Takes the stream; handshake() must be awaited before the first read or write.
  static std::unique_ptr<TlsStream> server(std::unique_ptr<Stream> below,
                                           std::shared_ptr<TlsContext> context);
  /// `name` is sent in SNI, and must be in the certificate if the context verifies.
  static std::unique_ptr<TlsStream> client(std::unique_ptr<Stream> below,
                                           std::shared_ptr<TlsContext> context, std::string name);
  /// The same with what is asked of this server; the context must be one that reports. Error: the
  /// demand can't be met by any handshake.
  static Result<std::unique_ptr<TlsStream>> client(std::unique_ptr<Stream> below,
                                                   std::shared_ptr<TlsContext> context,
                                                   const ServerDemand& demand);
  ~TlsStream() override;

  /// Throws Disconnected (Tls, Timeout, Eof) if it fails.
  Task<> handshake(Duration timeout);

  std::optional<std::size_t> try_read(std::span<char> into) override;
  Input discard_input() override;
  std::optional<std::size_t> try_write(std::string_view bytes) override;
  Task<bool> wait(Poll::Event event, SteadyTime deadline) override;
  void hold_back() override { below_->hold_back(); }
  /// Sends close_notify if the socket accepts it now.
  void shut_down() override;
  void abort() override { below_->abort(); }
  bool is_secure() const override { return true; }

  Stream& below() { return *below_; }
  /// `TLSv1.3`, `TLS_AES_256_GCM_SHA384`, 256: for Received: and the log.
  std::string protocol() const;
  std::string cipher() const;
  int cipher_bits() const;
  /// On a client's side, with a context that reports: what the server's certificate is worth.
  PeerTrust trust() const;
  /// What is wrong with it: `self-signed certificate`; empty if it is trusted.
  std::string certificate_problem() const;
  /// `key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256`, as Postfix
  /// logs it.
  std::string handshake_details() const;
  /// For contexts that report: OpenSSL calls it for each step of judging a certificate.
  static int note_certificate(int is_good, x509_store_ctx_st* store);
  /// What the peer has shown; nothing where it has shown none, or a client was not asked. `digest`:
  /// sha256, sha384, sha512, sha1 or md5.
  struct PeerCertificate {
    std::string name;             // the subject's common name, printable
    std::string issuer;           // the issuer's
    std::string fingerprint;      // of the certificate: 0A:1B:…
    std::string key_fingerprint;  // of its public key (SubjectPublicKeyInfo)
    bool is_trusted = false;      // by the authorities of the settings
    // As they are, for a login; empty where there is none, or one with a control character.
    std::string common_name;
    std::string email_address;  // of the subject alternative names, else of the subject
  };
  std::optional<PeerCertificate> peer_certificate(const std::string& digest) const;
  bool asks_for_certificate() const { return context_->asks_clients(); }
  /// For SCRAM-…-PLUS: tls-exporter (RFC 9266); empty if TLS 1.2 lacks it.
  std::string channel_binding() const;

 private:
  TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<TlsContext> context);
  friend struct TlsBio;
  /// Called after a call that returned `status`: returns if it must wait, throws on failure.
  void explain(int status);
  std::unique_ptr<Stream> below_;
  std::shared_ptr<TlsContext> context_;
  ssl_st* ssl_ = nullptr;
  bool needs_name_ = false;  // the certificate must have a certain name
  bool has_associations_ = false;
  bool is_other_name_ = false;    // it has another
  long certificate_problem_ = 0;  // OpenSSL's number of the first problem but that of the name
  Poll::Event wanted_ = Poll::Event::Readable;  // what the last incomplete call waits for
  std::unique_ptr<Disconnected> lost_;  // the exception of the stream below, caught within OpenSSL
};

}  // namespace pennypost
