// Compresses what goes out and decompresses what comes in: the stream of a client that has said
// COMPRESS.
//
// Each write ends with a flush of the compressor, so that a client never waits for the end of an
// answer. What one connection holds is bounded: 70 KiB for the compressor, which uses a window of 8
// KiB, 40 KiB for the decompressor, which must take what window the client likes, and what the
// socket has not taken yet of one write. However much little input stands for, it is decompressed
// only as it is read.
//
// STANDARDS  RFC 4978 (COMPRESS), RFC 1951 (DEFLATE)
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/net/stream.h"

namespace pennypost::imap {

class CompressedStream final : public Stream {
 public:
  /// `early` is what has been read of `inner` already.
  CompressedStream(std::unique_ptr<Stream> inner, std::string early);
  ~CompressedStream() override;

  std::optional<std::size_t> try_read(std::span<char> into) override;
  Input discard_input() override { return inner_->discard_input(); }
  /// After nothing was returned, call it with the same bytes again, or more: it may have compressed
  /// some of them.
  std::optional<std::size_t> try_write(std::string_view bytes) override;
  Task<bool> wait(Poll::Event event, SteadyTime deadline) override;
  void hold_back() override { inner_->hold_back(); }
  void shut_down() override { inner_->shut_down(); }
  void abort() override { inner_->abort(); }
  bool is_secure() const override { return inner_->is_secure(); }

  /// Ends the compression, both ways: the stream below, and what has been read of it without being
  /// decompressed. All that was written must have been sent.
  std::unique_ptr<Stream> release(std::string& unread);

 private:
  struct Codec;
  std::size_t inflate_some(std::span<char> into);
  void deflate_all(std::string_view bytes);
  bool send_pending();

  std::unique_ptr<Stream> inner_;
  std::unique_ptr<Codec> codec_;
  std::string input_;      // compressed, not looked at yet
  bool has_more_ = false;  // the decompressor had no room for all
  std::string pending_;    // compressed, not sent yet
  std::size_t owed_ = 0;   // how many bytes given to try_write() that stands for
};

}  // namespace pennypost::imap
