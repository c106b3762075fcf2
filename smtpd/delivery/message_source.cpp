#include "smtpd/delivery/message_source.h"

#include <algorithm>

#include "common/base/file.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

namespace pennypost::smtp {
MessageSource::MessageSource(const Envelope& envelope, std::string body, Descriptor file)
    : pieces_(envelope.pieces),
      body_(std::move(body)),
      file_(std::move(file)),
      size_(envelope.size()),
      octets_(envelope.octets()) {}

MessageSource::MessageSource(std::string whole)
    : body_(std::move(whole)), size_(body_.size()), octets_(crlf_octets(body_)) {
  Piece all;
  all.length = size_;
  if (size_ > 0) pieces_.push_back(std::move(all));
}

void MessageSource::rewind() {
  piece_ = 0;
  done_ = 0;
}

Task<Result<std::string_view>> MessageSource::next(Loop& loop) {
  while (piece_ < pieces_.size()) {
    const Piece& piece = pieces_[piece_];
    if (piece.length == 0) {
      ++piece_;
      if (!piece.text.empty()) co_return std::string_view(piece.text);
      continue;
    }
    std::uint64_t left = piece.length - done_;
    if (left == 0) {
      ++piece_;
      done_ = 0;
      continue;
    }
    std::uint64_t offset = piece.offset + done_;
    if (!file_) {
      if (offset > body_.size() || left > body_.size() - offset) {
        co_return Error::temporary("4.3.0", "the queued message is shorter than its envelope says");
      }
      done_ += left;
      co_return std::string_view(body_).substr(offset, left);
    }
    chunk_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, source_chunk_bytes)));
    auto work =
        loop.offload([&] { return read_at(file_.number(), chunk_, offset, "the queued message"); });
    CO_TRY(auto read, co_await work);
    if (read < chunk_.size()) co_return too_short("the queued message");
    done_ += chunk_.size();
    co_return std::string_view(chunk_);
  }
  co_return std::string_view();
}

Task<Result<std::string>> MessageSource::whole(Loop& loop, std::size_t bytes_max) {
  if (size_ > bytes_max) co_return Error(554, "5.3.4", "message too large to convert");
  rewind();
  std::string all;
  for (;;) {
    CO_TRY(auto bytes, co_await next(loop));
    if (bytes.empty()) break;
    all += bytes;
  }
  rewind();
  co_return all;
}

Task<Result<std::string>> MessageSource::header(Loop& loop, std::size_t bytes_max) {
  rewind();
  std::string text;
  while (text.size() < bytes_max && header_bytes(text) == text.size()) {
    CO_TRY(auto bytes, co_await next(loop));
    if (bytes.empty()) break;
    text += bytes;
  }
  rewind();
  text.resize(std::min(header_bytes(text), bytes_max));
  co_return text;
}

}  // namespace pennypost::smtp
