#include "imapd/session/compressed_stream.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/assert.h"

namespace pennypost::imap {
namespace {

// Without a header, as RFC 4978 section 4 has it: the negative logarithm of the window's size.
constexpr int own_window = -13;
constexpr int any_window = -15;
constexpr int memory_level = 6;
constexpr int level = 3;
constexpr std::size_t read_bytes = 4096;
constexpr std::size_t write_bytes_max = 64 << 10;

Bytef* octets(const char* text) {
  // zlib does not write to its input.
  return reinterpret_cast<Bytef*>(const_cast<char*>(text));
}

}  // namespace

struct CompressedStream::Codec {
  Codec() {
    // Both fail only for want of memory, which ends the process anyway.
    ASSERT(::deflateInit2(&out, level, Z_DEFLATED, own_window, memory_level, Z_DEFAULT_STRATEGY) ==
           Z_OK);
    ASSERT(::inflateInit2(&in, any_window) == Z_OK);
  }
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;
  ~Codec() {
    ::deflateEnd(&out);
    ::inflateEnd(&in);
  }
  z_stream out{};
  z_stream in{};
};

CompressedStream::CompressedStream(std::unique_ptr<Stream> inner, std::string early)
    : inner_(std::move(inner)), codec_(std::make_unique<Codec>()), input_(std::move(early)) {}

CompressedStream::~CompressedStream() = default;

std::optional<std::size_t> CompressedStream::try_read(std::span<char> into) {
  for (;;) {
    if (has_more_ || !input_.empty()) {
      auto count = inflate_some(into);
      if (count > 0) return count;
    }
    std::array<char, read_bytes> piece{};
    auto count = inner_->try_read(piece);
    if (!count) return std::nullopt;
    input_.append(piece.data(), *count);
  }
}

std::size_t CompressedStream::inflate_some(std::span<char> into) {
  auto& codec = codec_->in;
  codec.next_in = octets(input_.data());
  codec.avail_in = static_cast<uInt>(input_.size());
  codec.next_out = octets(into.data());
  codec.avail_out = static_cast<uInt>(into.size());
  auto result = ::inflate(&codec, Z_SYNC_FLUSH);
  input_.erase(0, input_.size() - codec.avail_in);
  auto count = into.size() - codec.avail_out;
  has_more_ = codec.avail_out == 0;
  if (count > 0) return count;
  if (result == Z_STREAM_END) throw Disconnected(Disconnected::Reason::Eof, "lost connection");
  if (result != Z_OK && result != Z_BUF_ERROR) {
    throw Disconnected(Disconnected::Reason::Error, "input that is not compressed as agreed");
  }
  return 0;
}

std::optional<std::size_t> CompressedStream::try_write(std::string_view bytes) {
  if (!send_pending()) return std::nullopt;
  if (owed_ == 0) {
    auto piece = bytes.substr(0, write_bytes_max);
    deflate_all(piece);
    owed_ = piece.size();
    if (!send_pending()) return std::nullopt;
  }
  return std::min(std::exchange(owed_, 0), bytes.size());
}

void CompressedStream::deflate_all(std::string_view bytes) {
  auto& codec = codec_->out;
  codec.next_in = octets(bytes.data());
  codec.avail_in = static_cast<uInt>(bytes.size());
  std::array<char, read_bytes> piece{};
  do {
    codec.next_out = octets(piece.data());
    codec.avail_out = static_cast<uInt>(piece.size());
    auto result = ::deflate(&codec, Z_SYNC_FLUSH);
    ASSERT(result == Z_OK || result == Z_BUF_ERROR);
    pending_.append(piece.data(), piece.size() - codec.avail_out);
  } while (codec.avail_out == 0);
}

bool CompressedStream::send_pending() {
  while (!pending_.empty()) {
    auto count = inner_->try_write(pending_);
    if (!count) return false;
    pending_.erase(0, *count);
  }
  std::string().swap(pending_);
  return true;
}

std::unique_ptr<Stream> CompressedStream::release(std::string& unread) {
  unread = std::exchange(input_, {});
  return std::move(inner_);
}

Task<bool> CompressedStream::wait(Poll::Event event, SteadyTime deadline) {
  bool has_input = event == Poll::Event::Readable && (has_more_ || !input_.empty());
  if (has_input) co_return true;
  co_return co_await inner_->wait(event, deadline);
}

}  // namespace pennypost::imap
