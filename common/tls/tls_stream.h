// TLS over a Stream.
//
// The stream below is driven through a BIO of our own, so TLS works over sockets and over a test's
// memory alike. Buffers are released while idle: about 15 KB a connection.
#pragma once

#include <memory>
#include <string>

#include "common/net/stream.h"
#include "common/tls/context.h"

struct ssl_st;

namespace pennypost {

class TlsStream final : public Stream {
 public:
  /// Takes the stream; handshake() must be awaited before the first read or write.
  static std::unique_ptr<TlsStream> server(std::unique_ptr<Stream> below,
                                           std::shared_ptr<TlsContext> context);
  /// `name` goes into SNI, and is what the certificate must bear if the context verifies.
  static std::unique_ptr<TlsStream> client(std::unique_ptr<Stream> below,
                                           std::shared_ptr<TlsContext> context, std::string name);
  ~TlsStream() override;

  /// Throws Disconnected (Tls, Timeout, Eof) when it fails.
  Task<> handshake(Duration timeout);

  std::optional<std::size_t> try_read(std::span<char> into) override;
  Input discard_input() override;
  std::optional<std::size_t> try_write(std::string_view bytes) override;
  Task<bool> wait(Poll::Event event, SteadyTime deadline) override;
  void hold_back() override { below_->hold_back(); }
  /// Sends close_notify if the socket takes it now.
  void shut_down() override;
  void abort() override { below_->abort(); }
  bool is_secure() const override { return true; }

  Stream& below() { return *below_; }
  /// `TLSv1.3`, `TLS_AES_256_GCM_SHA384`, 256: for Received: and the log.
  std::string protocol() const;
  std::string cipher() const;
  int cipher_bits() const;
  /// The peer's certificate was checked against a CA and the name.
  bool is_verified() const;
  /// For SCRAM-…-PLUS: tls-exporter (RFC 9266); empty where TLS 1.2 lacks it.
  std::string channel_binding() const;

 private:
  TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<TlsContext> context);
  friend struct TlsBio;
  /// After a call that gave `status`: true to wait, throws on failure.
  void explain(int status);
  std::unique_ptr<Stream> below_;
  std::shared_ptr<TlsContext> context_;
  ssl_st* ssl_ = nullptr;
  Poll::Event wanted_ = Poll::Event::Readable;  // what the last call that could not go on waits for
  std::unique_ptr<Disconnected> lost_;          // what the stream below threw inside OpenSSL
};

}  // namespace pennypost
