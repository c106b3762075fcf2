#include "smtpd/inbound/body.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pennypost::smtp {
namespace {

Error write_error(int number) {
  bool is_full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  if (is_full) return Error(452, "4.3.1 Insufficient system storage");
  return Error(451, "4.3.0 Error: queue file write error");
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
  if (keeps_head_) {
    head_ += tail_;
    look_for_header(false);
  }
  auto written = co_await loop_.offload([&] { return write(tail_); });
  if (!written) failure_ = written.error();
  bytes_ += tail_.size();
  tail_.clear();
}

Task<Result<void>> Body::finish() {
  if (failure_) co_return *failure_;
  if (!file_) {
    bytes_ = tail_.size();
    header_end_ = find_header_end(tail_, true);
    co_return Result<void>();
  }
  if (keeps_head_) {
    head_ += tail_;
    look_for_header(true);
    if (failure_) co_return *failure_;
  }
  bytes_ += tail_.size();
  auto synced = co_await loop_.offload([&]() -> Result<void> {
    TRY_DO(write(tail_));
    if (::fsync(file_.number()) != 0) return write_error(errno);
    return {};
  });
  tail_.clear();
  co_return synced;
}

void Body::look_for_header(bool is_whole) {
  header_end_ = find_header_end(head_, is_whole);
  bool is_too_long = header_end_.bytes > header_block_bytes_max ||
                     (!header_end_.is_found && head_.size() > header_block_bytes_max);
  if (is_too_long) failure_ = header_too_long();
  if (!header_end_.is_found && !is_too_long) return;
  keeps_head_ = false;
  head_.resize(header_end_.bytes);
}

std::string_view Body::header() const {
  if (is_file()) return head_;
  return std::string_view(tail_).substr(0, header_end_.bytes);
}

Result<void> Body::write(std::string_view bytes) {
  while (!bytes.empty()) {
    auto count = ::write(file_.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return write_error(errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace pennypost::smtp
