#include "smtpd/scheduler/message_reader.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "common/mailauth/canonical.h"

namespace pennypost::smtp {
namespace {

/// What may stand in the queue as a header: what came in, and what was put on top of it.
constexpr std::size_t header_bytes_max = 2 * header_block_bytes_max;

Descriptor copy_of(const Descriptor& body) {
  if (!body) return Descriptor();
  return Descriptor(::fcntl(body.number(), F_DUPFD_CLOEXEC, 3));
}

}  // namespace

MessageReader::MessageReader(Loop& loop, const Attempt& request, const Descriptor& body)
    : loop_(loop), source_(request.envelope, request.body, copy_of(body)) {}

Task<Result<std::string>> MessageReader::header() {
  for (bool is_whole = false; !end_.is_found;) {
    if (text_.size() > header_bytes_max) co_return header_too_long();
    CO_TRY(auto bytes, co_await source_.next(loop_));
    is_whole = bytes.empty();
    text_ += bytes;
    end_ = find_header_end(text_, is_whole);
  }
  co_return text_.substr(0, end_.bytes);
}

Task<Result<std::string>> MessageReader::body_hash() {
  BodyForms forms;
  forms.add(Canonical::Relaxed);
  BodyHasher hasher(forms);
  auto begun = std::min<std::uint64_t>(end_.body_offset(), text_.size());
  hasher.feed(std::string_view(text_).substr(begun));
  for (;;) {
    CO_TRY(auto bytes, co_await source_.next(loop_));
    if (bytes.empty()) break;
    hasher.feed(bytes);
  }
  hasher.finish();
  co_return hasher.hash(Canonical::Relaxed);
}

}  // namespace pennypost::smtp
