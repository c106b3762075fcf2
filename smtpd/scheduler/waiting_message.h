// What the scheduler keeps in memory about a waiting message.
//
// For deferred mail that is its id, its due time, how many recipients it has and a few flags: a
// million of them must fit into memory. New mail also keeps its envelope and body while there is
// room, so that its first attempt reads nothing from disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "smtpd/queue/queued_message.h"
#include "smtpd/scheduler/waiting_client.h"

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

/// What is kept of new mail, while there is room for it, or a client waits for its delivery.
struct KeptMessage {
  std::optional<ClientLink> client;
  std::unique_ptr<QueuedMessage> message;
  std::optional<CachedBody> body;
};

struct WaitingMessage {
  std::int64_t due = 0;          // seconds since 1970
  std::uint32_t recipients = 0;  // how many are pending
  bool is_held = false;
  bool is_new = false;
  bool is_uncertain = false;          // the last attempt may have delivered it
  bool is_flushed = false;            // an admin wants it tried in spite of defer_transports
  std::unique_ptr<KeptMessage> kept;  // null: to be read from disk
};
static_assert(sizeof(WaitingMessage) <= 24, "there may be millions");

}  // namespace pennypost::smtp
