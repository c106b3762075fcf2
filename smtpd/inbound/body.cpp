#include "smtpd/inbound/body.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/assert.h"
#include "common/base/file.h"
#include "smtpd/queue/refusal.h"

namespace pennypost::smtp {
namespace {

Error write_error(int number) {
  return lacks_room(number) ? insufficient_storage() : queue_write_error();
}

}  // namespace

Body::~Body() {
  if (file_ && !is_handed_over_) backend_.drop_body(id_);
}

Task<> Body::settle() {
  if (failure_) tail_.clear();
  if (tail_.size() <= inline_body_bytes_max) co_return;
  if (!file_) {
    auto file = co_await backend_.open_body(id_);
    if (!file) {
      failure_ = file.error();
      tail_.clear();
      co_return;
    }
    file_ = *std::move(file);
  }
  find_header(false);
  auto written = co_await loop_.offload([&] { return write(tail_); });
  if (!written) failure_ = written.error();
  bytes_ += tail_.size();
  tail_.clear();
  tail_in_head_ = 0;
}

bool Body::find_header(bool is_whole) {
  if (has_header_) return true;
  head_.append(tail_, tail_in_head_);
  tail_in_head_ = tail_.size();
  header_end_ = find_header_end(head_, is_whole);
  bool is_too_long = header_end_.bytes > header_block_bytes_max ||
                     (!header_end_.is_found && head_.size() > header_block_bytes_max);
  if (is_too_long) failure_ = header_too_long();
  if (!header_end_.is_found || is_too_long) return false;
  has_header_ = true;
  head_.resize(header_end_.bytes);
  return true;
}

std::uint64_t Body::body_offset() const {
  ASSERT(has_header_);
  return header_end_.body_offset();
}

std::string_view Body::body_in_tail() const {
  std::uint64_t begin = body_offset();
  auto skipped = begin > bytes_ ? begin - bytes_ : 0;
  return std::string_view(tail_).substr(std::min<std::uint64_t>(skipped, tail_.size()));
}

Task<> Body::begin_anew() {
  ASSERT(has_header_);
  if (file_) {
    auto emptied = co_await loop_.offload([&]() -> Result<void> {
      bool is_empty =
          ::ftruncate(file_.number(), 0) == 0 && ::lseek(file_.number(), 0, SEEK_SET) == 0;
      return is_empty ? Result<void>() : write_error(errno);
    });
    if (!emptied) failure_ = emptied.error();
  }
  bytes_ = 0;
  tail_ = head_;
  if (!tail_.empty() && tail_.back() != '\n') tail_ += '\n';
  tail_ += '\n';
  header_end_.needs_empty_line = false;
}

Task<Result<void>> Body::finish() {
  if (failure_) co_return *failure_;
  if (!file_) {
    bytes_ = tail_.size();
    if (!has_header_) header_end_ = find_header_end(tail_, true);
    co_return Result<void>();
  }
  find_header(true);
  if (failure_) co_return *failure_;
  bytes_ += tail_.size();
  auto synced = co_await loop_.offload([&]() -> Result<void> {
    TRY_DO(write(tail_));
    if (::fsync(file_.number()) != 0) return write_error(errno);
    return {};
  });
  tail_.clear();
  co_return synced;
}

Task<Result<std::string>> Body::read(std::uint64_t offset, std::size_t count) const {
  if (!file_) co_return tail_.substr(std::min<std::uint64_t>(offset, tail_.size()), count);
  auto read = co_await loop_.offload([&]() -> Result<std::string> {
    std::string bytes(count, '\0');
    for (;;) {
      auto got = ::pread(file_.number(), bytes.data(), count, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Error::temporary("4.3.0", std::strerror(errno));
      bytes.resize(static_cast<std::size_t>(got));
      return bytes;
    }
  });
  co_return std::move(read);
}

Descriptor Body::file() const {
  return file_ ? Descriptor(::fcntl(file_.number(), F_DUPFD_CLOEXEC, 3)) : Descriptor();
}

std::string_view Body::header() const {
  if (has_header_) return head_;
  return std::string_view(tail_).substr(0, header_end_.bytes);
}

Result<void> Body::write(std::string_view bytes) {
  auto written = write_all(file_.number(), bytes, "the body");
  if (written) return {};
  return written.error().code() == 452 ? insufficient_storage() : queue_write_error();
}

}  // namespace pennypost::smtp
