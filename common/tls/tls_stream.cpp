#include "common/tls/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/base/text.h"
#include "common/tls/errors.h"

namespace pennypost {

// The BIO below OpenSSL reads and writes the stream, and tells OpenSSL to retry if that would
// block. Exceptions must not pass through C code, so they are kept and thrown afterwards.
struct TlsBio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    BIO_clear_retry_flags(bio);
    auto& self = stream(bio);
    try {
      auto count = self.below_->try_read({into, static_cast<std::size_t>(size)});
      if (count) return static_cast<int>(*count);
      BIO_set_retry_read(bio);
      return -1;
    } catch (const Disconnected& lost) {
      self.lost_ = std::make_unique<Disconnected>(lost);
      return lost.reason() == Disconnected::Reason::Eof ? 0 : -1;
    }
  }

  static int write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    auto& self = stream(bio);
    try {
      auto count = self.below_->try_write({bytes, static_cast<std::size_t>(size)});
      if (count) return static_cast<int>(*count);
      BIO_set_retry_write(bio);
      return -1;
    } catch (const Disconnected& lost) {
      self.lost_ = std::make_unique<Disconnected>(lost);
      return -1;
    }
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO* make(TlsStream* self) {
    static BIO_METHOD* method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      BIO_meth_set_read(made, read);
      BIO_meth_set_write(made, write);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsStream::TlsStream(std::unique_ptr<Stream> below, std::shared_ptr<TlsContext> context)
    : below_(std::move(below)), context_(std::move(context)), ssl_(SSL_new(context_->native())) {
  ASSERT(ssl_ != nullptr);
  BIO* bio = TlsBio::make(this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

std::unique_ptr<TlsStream> TlsStream::server(std::unique_ptr<Stream> below,
                                             std::shared_ptr<TlsContext> context) {
  std::unique_ptr<TlsStream> made(new TlsStream(std::move(below), std::move(context)));
  SSL_set_accept_state(made->ssl_);
  return made;
}

std::unique_ptr<TlsStream> TlsStream::client(std::unique_ptr<Stream> below,
                                             std::shared_ptr<TlsContext> context,
                                             std::string name) {
  std::unique_ptr<TlsStream> made(new TlsStream(std::move(below), std::move(context)));
  SSL_set_connect_state(made->ssl_);
  if (!name.empty()) {
    SSL_set_tlsext_host_name(made->ssl_, name.c_str());
    if (made->context_->verifies()) {
      SSL_set_hostflags(made->ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(made->ssl_, name.c_str());
    }
  }
  return made;
}

Result<std::unique_ptr<TlsStream>> TlsStream::client(std::unique_ptr<Stream> below,
                                                     std::shared_ptr<TlsContext> context,
                                                     const ServerDemand& demand) {
  ASSERT(context->reports());
  std::unique_ptr<TlsStream> made(new TlsStream(std::move(below), std::move(context)));
  SSL_set_connect_state(made->ssl_);
  made->needs_name_ = !demand.names.empty();
  made->has_associations_ = !demand.associations.empty();
  TRY_DO(apply(demand, made->ssl_));
  return made;
}

void TlsStream::explain(int status) {
  int reason = SSL_get_error(ssl_, status);
  if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
    wanted_ = reason == SSL_ERROR_WANT_READ ? Poll::Event::Readable : Poll::Event::Writable;
    return;
  }
  if (lost_) {
    ERR_clear_error();
    throw Disconnected(*lost_);
  }
  if (reason == SSL_ERROR_ZERO_RETURN) {
    throw Disconnected(Disconnected::Reason::Eof, "lost connection");
  }
  std::string text = openssl_error();
  long verdict = SSL_get_verify_result(ssl_);
  if (verdict != X509_V_OK && context_->verifies()) {
    text += std::string(": ") + X509_verify_cert_error_string(verdict);
  }
  throw Disconnected(Disconnected::Reason::Tls, "TLS: " + text);
}

Task<> TlsStream::handshake(Duration timeout) {
  auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    ERR_clear_error();
    int status = SSL_do_handshake(ssl_);
    if (status == 1) co_return;
    explain(status);
    bool ready = co_await below_->wait(wanted_, deadline);
    if (!ready) throw Disconnected(Disconnected::Reason::Timeout, "timeout in TLS handshake");
  }
}

std::optional<std::size_t> TlsStream::try_read(std::span<char> into) {
  std::size_t count = 0;
  ERR_clear_error();
  int status = SSL_read_ex(ssl_, into.data(), into.size(), &count);
  if (status == 1) return count;
  explain(status);
  return {};
}

Stream::Input TlsStream::discard_input() {
  wanted_ = Poll::Event::Readable;
  return below_->discard_input();
}

std::optional<std::size_t> TlsStream::try_write(std::string_view bytes) {
  std::size_t count = 0;
  ERR_clear_error();
  int status = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &count);
  if (status == 1) return count;
  explain(status);
  return {};
}

Task<bool> TlsStream::wait(Poll::Event, SteadyTime deadline) {
  // OpenSSL says what it waits for; a read may have to write (key update), and vice versa.
  auto work = below_->wait(wanted_, deadline);
  co_return co_await std::move(work);
}

void TlsStream::shut_down() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
  below_->shut_down();
}

std::string TlsStream::protocol() const { return SSL_get_version(ssl_); }
std::string TlsStream::cipher() const { return SSL_get_cipher_name(ssl_); }
int TlsStream::cipher_bits() const { return SSL_get_cipher_bits(ssl_, nullptr); }

std::string TlsStream::channel_binding() const {
  if (SSL_version(ssl_) < TLS1_3_VERSION) return {};
  constexpr std::string_view label = "EXPORTER-Channel-Binding";
  std::string bytes(32, '\0');
  int status = SSL_export_keying_material(ssl_, reinterpret_cast<unsigned char*>(bytes.data()),
                                          bytes.size(), label.data(), label.size(), nullptr, 0, 1);
  return status == 1 ? bytes : std::string();
}

}  // namespace pennypost
