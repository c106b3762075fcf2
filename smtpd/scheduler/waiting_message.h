// What the scheduler keeps in memory about a waiting message.
//
// For deferred mail that is its id, its due time and a few flags. New mail also keeps its envelope
// and body in memory while there is room, so that its first attempt reads nothing from disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "smtpd/queue/queued_message.h"

namespace pennypost::smtp {

/// A body kept in memory; its bytes are counted in `total` as long as it exists.
class CachedBody {
 public:
  CachedBody(std::string text, std::size_t& total) : text_(std::move(text)), total_(&total) {
    *total_ += text_.size();
  }
  CachedBody(CachedBody&& other) noexcept
      : text_(std::move(other.text_)), total_(std::exchange(other.total_, nullptr)) {}
  CachedBody& operator=(CachedBody&& other) noexcept {
    std::swap(text_, other.text_);
    std::swap(total_, other.total_);
    return *this;
  }
  ~CachedBody() {
    if (total_ != nullptr) *total_ -= text_.size();
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::size_t* total_;
};

struct WaitingMessage {
  std::int64_t due = 0;  // seconds since 1970
  bool is_held = false;
  bool is_new = false;
  bool is_uncertain = false;               // the last attempt may have delivered it
  bool is_flushed = false;                 // an admin wants it tried in spite of defer_transports
  std::unique_ptr<QueuedMessage> message;  // for new mail, while there is room for it
  std::optional<CachedBody> body;
};

}  // namespace pennypost::smtp
